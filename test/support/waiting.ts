/** Waits for what others do, without sleeping: whoever changes something says `look`. */

const patienceMs = 15_000

export class Waiting {
  readonly #looks = new Set<() => void>()

  look(): void {
    for (const look of this.#looks) look()
  }

  /** Resolves with what `such` finds; throws after a while, saying what was waited for. */
  until<T>(such: () => T | undefined, what: () => string, ms = patienceMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = such()
        if (found === undefined) return
        end()
        resolve(found)
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`waited in vain for ${what()}`))
      }, ms)
      const end = (): void => {
        clearTimeout(timer)
        this.#looks.delete(look)
      }
      this.#looks.add(look)
      look()
    })
  }
}
