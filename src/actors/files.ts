/** The files of a contract: chunks go into blobs outside of the turn, and only a whole file's hash into a commit. */
import { createHash } from 'node:crypto'
import { WritError } from '../protocol/errors.ts'
import { actorKey, addressOf } from '../protocol/ids.ts'
import { fileBytesMax, fileChunkBytes, fileCountMax } from '../protocol/limits.ts'
import type { FileLine } from '../protocol/views.ts'
import type { Host } from './host.ts'
import type { Turn } from './turn.ts'

export interface Chunk {
  name: string
  offset: number
  total: number
  data: string
  /** SHA-256 of the whole file. */
  hash?: string | undefined
}

/** Uploads under way: hashes of the chunks so far. Lost with the thread: the sender begins again. */
export type Uploads = Map<string, { hashes: string[]; bytes: number }>

/** The most uploads under way at once; the oldest is dropped. */
const uploadsMax = 1000

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Stores a chunk; null while more are to come, else the whole file. Throws when a chunk is not the next one. */
export const takeChunk = async (
  host: Host,
  uploads: Uploads,
  contract: string,
  chunk: Chunk,
): Promise<{ hash: string; bytes: number } | null> => {
  checkName(chunk)
  const key = `${contract} ${chunk.hash ?? chunk.total} ${chunk.name}`
  const bytes = Buffer.from(chunk.data, 'base64')
  if (bytes.length === 0 && chunk.total > 0)
    throw new WritError('BAD_INPUT', `the chunk of ${chunk.name} at ${chunk.offset} is empty`, {
      hint: 'every chunk of a file that has content has some of it',
    })
  const before = chunk.offset === 0 ? { hashes: [], bytes: 0 } : uploads.get(key)
  if (before?.bytes !== chunk.offset)
    throw new WritError('CONFLICT', `the chunk of ${chunk.name} at ${chunk.offset} is not the next one`, {
      hint: 'begin again at offset 0',
    })
  const hash = sha256(bytes)
  await host.store.putBlob(hash, bytes)
  const now = { hashes: [...before.hashes, hash], bytes: before.bytes + bytes.length }
  uploads.delete(key)
  if (now.bytes >= chunk.total) return joined(host, now.hashes, chunk)
  uploads.set(key, now)
  const [oldest] = uploads.keys()
  if (uploads.size > uploadsMax && oldest !== undefined) uploads.delete(oldest)
  return null
}

const checkName = ({ name, total }: Chunk): void => {
  if (total > fileBytesMax)
    throw new WritError('TOO_LARGE', `${name} has ${total} bytes`, {
      hint: `a file of a contract has at most ${fileBytesMax} bytes`,
    })
  const isInside =
    !name.startsWith('/') &&
    !name.includes('\\') &&
    !/\p{Cc}/u.test(name) &&
    name.split('/').every((part) => part !== '' && part !== '..' && part !== '.')
  if (!isInside)
    throw new WritError('BAD_INPUT', `${JSON.stringify(name)} is not a file's name`, {
      hint: 'a relative path without ".." and control characters',
    })
}

const joined = async (
  host: Host,
  hashes: readonly string[],
  { name, total, hash: wanted }: Chunk,
): Promise<{ hash: string; bytes: number }> => {
  const parts = await Promise.all(hashes.map((hash) => host.store.blob(hash)))
  const whole = Buffer.concat(parts.map((part) => part ?? new Uint8Array()))
  if (whole.length !== total)
    throw new WritError('CONFLICT', `${name} came with ${whole.length} of ${total} bytes`, {
      hint: 'begin again at offset 0',
    })
  const hash = sha256(whole)
  if (wanted !== undefined && wanted !== hash)
    throw new WritError('CONFLICT', `what arrived as ${name} is not what its hash says`, {
      hint: 'begin again at offset 0',
    })
  await host.store.putBlob(hash, whole)
  return { hash, bytes: whole.length }
}

/** The whole file is there: the contract gets it. The same name again takes the place of what was there. */
export const putFile = async (
  turn: Turn,
  owner: string,
  contract: string,
  name: string,
  file: { hash: string; bytes: number },
): Promise<object> => {
  const task = await turn.host.loader.task(owner, contract.replace(/__c(\d+)$/, '__t$1'))
  if (task === null) throw new WritError('NOT_FOUND', `there is no contract ${contract}`)
  const names = await turn.host.loader.fileNames(owner, contract)
  if (names.size >= fileCountMax && !names.has(name))
    throw new WritError('TOO_LARGE', `the contract has ${names.size} files`, { hint: `it may have ${fileCountMax}` })
  const { memory } = turn.host
  if (!names.has(name)) memory.set(memory.fileNames, actorKey(owner, contract), new Set([...names, name]))
  turn.draft.files.set(`${actorKey(owner, contract)} ${name}`, { owner, contract, name, ...file, at: turn.host.now() })
  return { contract: { id: contract, address: addressOf(owner, contract) }, file: { name, ...file } }
}

/** A chunk of one of a contract's files, base64, from an offset on. */
export const readFile = async (
  host: Host,
  contract: string,
  files: readonly FileLine[],
  name: string,
  offset: number,
): Promise<object> => {
  const file = files.find((each) => each.name === name)
  const bytes = file === undefined ? null : await host.store.blob(file.hash, { from: offset, count: fileChunkBytes })
  if (file === undefined || bytes === null)
    throw new WritError('NOT_FOUND', `the contract ${contract} has no file ${JSON.stringify(name)}`, {
      hint: 'writ contract files lists them',
    })
  const data = Buffer.from(bytes).toString('base64')
  return { name, hash: file.hash, total: file.bytes, offset, data }
}
