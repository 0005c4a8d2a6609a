/** What is parked as people see it: what is stored of it, with what can be read of its message, without secrets. */
import { fitting, shortened } from '../protocol/fitting.ts'
import type { ParkedLine, ParkedView } from '../protocol/parked.ts'
import { withoutSecrets } from '../protocol/redaction.ts'
import type { Page } from '../protocol/views.ts'
import { unpack } from './codec.ts'
import type { ParkedRecord } from './ports/reader.ts'

export const parkedPage = ({ lines, next }: Page<ParkedRecord>): Page<ParkedLine> => ({
  lines: fitting(lines.map((record) => lineOf(record, record.body === null ? null : typeIn(record.body)))),
  next,
})

export const parkedView = (record: ParkedRecord): ParkedView => {
  const message = readBody(record.body)
  const type = typeOf(message)
  return shortened({ ...lineOf(record, type), body: withoutSecrets(message), bytes: record.bytes })
}

const lineOf = ({ body: _, bytes: __, ...record }: ParkedRecord, type: string | null): ParkedLine => ({
  ...record,
  type,
})

/** Null: it is no message that this version can read. */
export const readBody = (body: Uint8Array | null): unknown => {
  if (body === null) return null
  try {
    return unpack(body) ?? null
  } catch {
    return null
  }
}

export const typeOf = (message: unknown): string | null => {
  const type = typeof message === 'object' && message !== null ? (message as { type?: unknown }).type : null
  return typeof type === 'string' ? type : null
}

/** The key `type` with its text, as MessagePack begins the map that a message is: a short text, or one with its length in a byte. */
const typeKey = Buffer.from([0xa4, ...Buffer.from('type')])
const beginMax = 5

/** From the beginning of its body alone: the type of a message comes first. */
export const typeIn = (head: Uint8Array): string | null => {
  const bytes = Buffer.from(head)
  const key = bytes.indexOf(typeKey)
  if (key < 1 || key > beginMax) return typeOf(readBody(head))
  const at = key + typeKey.length
  const first = bytes[at] ?? 0
  const [from, length] = first === 0xd9 ? [at + 2, bytes[at + 1] ?? 0] : [at + 1, first & 0x1f]
  const isText = first === 0xd9 || first >> 5 === 0b101
  return isText && from + length <= bytes.length ? bytes.toString('utf8', from, from + length) : null
}
