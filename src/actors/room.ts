/** The limit of requests that one thread takes at once (invariant 11), wherever they come in. */
import { WritError } from '../protocol/errors.ts'
import { pendingRequestsMax } from '../protocol/limits.ts'

export const hasRoom = (waiting: number): boolean => waiting < pendingRequestsMax

/** What a request over the limit is told at once. */
export const noRoom = (): WritError =>
  new WritError('BUSY', 'too many requests wait already', { hint: 'ask again a little later' })
