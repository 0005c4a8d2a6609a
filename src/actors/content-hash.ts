/** What two submissions are compared by. */
import { createHash } from 'node:crypto'

/** The same content has the same hash, whatever the order of its keys. */
export const contentHash = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  )
}

/** A list whose hash is taken entry by entry: by its content, as `contentHash` of the whole has it, or by its text as JSON. */
export class ListHash {
  readonly #byContent = createHash('sha256')
  readonly #byText = createHash('sha256')
  #before = '['

  /** `text`: the entry as JSON, as it was written. */
  add(entry: unknown, text: string): void {
    this.#byContent.update(this.#before + JSON.stringify(sorted(entry)))
    this.#byText.update(this.#before + text)
    this.#before = ','
  }

  /** Either of the two is this one. Asked once, at the end. */
  isOne(hash: string): boolean {
    return [this.#byContent, this.#byText].some((each) => each.update(']').digest('hex') === hash)
  }
}
