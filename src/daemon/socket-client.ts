/** The other end of a task's socket: how the `writ` command asks from inside a task. */
import { connect } from 'node:net'
import { z } from 'zod'
import type { ErrorBody } from '../protocol/errors.ts'
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'

/** `plan` and `get` are about the task's directive, `progress` about the task, the others about its contract. */
export const socketVerbs = ['files', 'file', 'put', 'finish', 'plan', 'get', 'progress'] as const
export type SocketVerb = (typeof socketVerbs)[number]

/** One line each way. `contract`: the address or id of another contract of the same directive, for reading. */
export const socketRequest = z.object({
  token: z.string().min(1).max(200),
  verb: z.enum(socketVerbs),
  contract: z.string().max(120).optional(),
  body: z.looseObject({}).default({}),
})
export type SocketRequest = z.output<typeof socketRequest>

/**
 * Asks the daemon at `path` (WRIT_SOCKET) with the task's token (WRIT_TOKEN). Throws what the answer's error says;
 * UNREACHABLE when nobody is there, NO_ANSWER after twice the deadline of a request.
 */
export const askSocket = async (
  path: string,
  token: string,
  verb: SocketVerb,
  body: object,
  contract?: string,
): Promise<unknown> => {
  const request = { token, verb, body, ...(contract === undefined ? {} : { contract }) }
  const answer = JSON.parse(await exchange(path, `${JSON.stringify(request)}\n`)) as { error?: ErrorBody } | null
  if (answer?.error !== undefined) throw WritError.from(answer.error)
  return answer
}

const exchange = (path: string, line: string): Promise<string> =>
  new Promise((done, fail) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8')
    socket.setTimeout(2 * requestDeadlineMs, () => {
      socket.destroy(new WritError('NO_ANSWER', 'the daemon did not answer in time', { hint: 'try again' }))
    })
    socket.on('connect', () => socket.write(line))
    socket.on('data', (piece: string) => {
      text += piece
    })
    socket.on('error', (error) => fail(error instanceof WritError ? error : unreachable(path, error)))
    socket.on('close', () => (text.endsWith('\n') ? done(text) : fail(unreachable(path))))
  })

const unreachable = (path: string, cause?: unknown): WritError =>
  new WritError('UNREACHABLE', `the daemon's socket ${path} does not answer`, {
    hint: 'the task may have been ended already',
    cause,
  })
