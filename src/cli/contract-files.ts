/** A contract's files over either way: its daemon's socket from inside a task, a node from outside. Content goes in chunks. */
import { createHash, randomBytes } from 'node:crypto'
import { WritError } from '../protocol/errors.ts'
import { fileBytesMax, fileChunkBytes } from '../protocol/limits.ts'
import type { FileLine } from '../protocol/views.ts'
import type { Context } from './context.ts'
import { contractIdOf } from './names.ts'

export interface Contract {
  files: () => Promise<readonly FileLine[]>
  read: (name: string) => Promise<Uint8Array>
  put: (name: string, bytes: Uint8Array) => Promise<void>
  finish: () => Promise<object>
}

type Ask = (verb: 'files' | 'file' | 'put' | 'finish', body: object) => Promise<unknown>

/** The contract that is named, or inside a task its own. Throws BAD_INPUT when it is neither. */
export const contractFor = async (context: Context, name: string | undefined): Promise<Contract> => {
  const { insideTask } = context.settings()
  const id = name === undefined ? undefined : contractIdOf(name)
  if (insideTask !== null) {
    const { askSocket } = await import('./daemon-socket.ts')
    return over((verb, body) => askSocket(insideTask.socket, insideTask.token, verb, body, id))
  }
  if (id === undefined) {
    throw new WritError('BAD_INPUT', 'which contract?', {
      hint: 'outside of a task name it with --contract; `writ task list` shows them',
    })
  }
  const { api } = await context.link()
  const contract = api.contract(id)
  return over((verb, body) => (contract[verb] as (input: object) => Promise<unknown>)(body))
}

const over = (ask: Ask): Contract => ({
  files: async () => ((await ask('files', {})) as { files: FileLine[] }).files,
  read: (name) => readAll(ask, name),
  put: (name, bytes) => putAll(ask, name, bytes),
  finish: async () => (await ask('finish', { command: newCommand() })) as object,
})

const newCommand = (): string => randomBytes(12).toString('hex')

const readAll = async (ask: Ask, name: string): Promise<Uint8Array> => {
  const pieces: Buffer[] = []
  let offset = 0
  for (;;) {
    const { data, total } = (await ask('file', { name, offset })) as { data: string; total: number }
    const piece = Buffer.from(data, 'base64')
    pieces.push(piece)
    offset += piece.length
    if (offset >= total || piece.length === 0) return Buffer.concat(pieces)
    if (total > fileBytesMax)
      throw new WritError('TOO_LARGE', `${name} has ${total} bytes, over the limit of ${fileBytesMax}`)
  }
}

/** A holder that has moved has forgotten the chunks so far. */
const putTries = 3

const putAll = async (ask: Ask, name: string, bytes: Uint8Array): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      return await putOnce(ask, name, bytes)
    } catch (error) {
      if (!(error instanceof WritError && error.code === 'CONFLICT') || tries === putTries) throw error
    }
  }
}

/** The file is there once its last chunk is: one command id each, so that a repeated chunk counts once. */
const putOnce = async (ask: Ask, name: string, bytes: Uint8Array): Promise<void> => {
  const total = bytes.length
  const hash = createHash('sha256').update(bytes).digest('hex')
  const command = newCommand()
  for (let offset = 0; offset === 0 || offset < total; offset += fileChunkBytes) {
    const data = Buffer.from(bytes.subarray(offset, offset + fileChunkBytes)).toString('base64')
    await ask('put', { command: `${command}-${offset}`, name, offset, total, data, hash })
  }
}
