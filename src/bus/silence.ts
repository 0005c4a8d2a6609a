/** That a request had no answer in its time: an error that knows for whom it waited, so that a longer wait can be told of it. */
import { WritError } from '../protocol/errors.ts'

export class Silence extends WritError {
  readonly #subject: string

  constructor(subject: string, waitedMs: number, cause: unknown) {
    super('NO_ANSWER', `nobody answered on ${subject} within ${Math.round(waitedMs)} ms`, {
      hint: 'somebody listens there, and is busy or cut off: `writ node list` shows which nodes answer',
      cause,
    })
    this.#subject = subject
  }

  /** The same of all tries together: the last one may have had only what was left of the time. */
  inAll(waitedMs: number): Silence {
    return new Silence(this.#subject, waitedMs, this)
  }
}
