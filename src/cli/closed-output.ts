/**
 * What a closed pipe or terminal means to a command: one that prints has nobody to print for and ends quietly; one that
 * has started something goes on unheard, and stops it in order when it is told to. So it does when a disk that it prints to is full.
 */
import { exits } from './failure.ts'

/** The other end of a pipe, of a terminal, or of a socket is gone. */
const closed = new Set(['EPIPE', 'EIO', 'ECONNRESET'])

interface Stream {
  on: (event: 'error', take: (error: NodeJS.ErrnoException) => void) => unknown
}

let goesOn = false

/** Says that this process has something to stop before it ends: from now on no closed output ends it. */
export const goOnUnheard = (): void => {
  goesOn = true
}

/** To be called once, before anything is written. */
export const endWhenClosed = (out: Stream, err: Stream): void => {
  out.on('error', (error: NodeJS.ErrnoException) => {
    refuseOthers(error)
    // `writ … | head` closes the pipe early: there is nothing to complain about.
    if (!goesOn) process.exit(exits.ok)
  })
  err.on('error', refuseOthers)
}

const refuseOthers = (error: NodeJS.ErrnoException): void => {
  // Whatever keeps it from being heard: thrown here, it would end this process and leave behind what it has started.
  if (!goesOn && !closed.has(error.code ?? '')) throw error
}
