/**
 * What a closed pipe or terminal means to a command: one that prints has nobody to print for and ends quietly; one that
 * has started something goes on unheard, and stops it in order when it is told to. So with a full disk under them.
 */
import { exits } from './failure.ts'

/** The other end of a pipe, of a terminal, or of a socket is gone. */
const closed = new Set(['EPIPE', 'EIO', 'ECONNRESET'])

interface Stream {
  on: (event: 'error', take: (error: NodeJS.ErrnoException) => void) => unknown
  write: (text: string) => unknown
}

let goesOn = false

/** Says that this process has something to stop before it ends: from now on no closed output ends it, nor a full disk under it. */
export const goOnUnheard = (): void => {
  goesOn = true
}

/** To be called once, before anything is written. */
export const endWhenClosed = (out: Stream, err: Stream): void => {
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (goesOn) return
    // `writ … | head` closes the pipe early: there is nothing to complain about.
    if (closed.has(error.code ?? '')) process.exit(exits.ok)
    err.write(`error: standard output cannot be written: ${error.message}\n`)
    process.exit(exits.error)
  })
  // Nobody can be told; the exit code says what came of it.
  err.on('error', () => undefined)
}
