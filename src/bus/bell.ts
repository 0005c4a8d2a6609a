/** Something to wait on until there may be more to do. */
import type { Clock } from '../actors/ports/clock.ts'

export class Bell {
  #wake = (): void => undefined

  ring(): void {
    this.#wake()
  }

  /** Until it is rung, `ms` are over, or it is called off. */
  wait(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        alarm.cancel()
        signal?.removeEventListener('abort', end)
        this.#wake = () => undefined
        resolve()
      }
      const alarm = clock.after(ms, end)
      this.#wake = end
      signal?.addEventListener('abort', end)
      if (signal?.aborted === true) end()
    })
  }
}
