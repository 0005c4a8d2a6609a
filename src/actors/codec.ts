/** MessagePack for what is stored: snapshots, message rows, journal entries. Plain maps, no shared structures (they would tie versions together). */
import { Packr } from 'msgpackr'
import type { StateValue } from 'xstate'
import type { JournalEntry } from './draft.ts'

const packr = new Packr({ useRecords: false })

export const pack = (value: unknown): Uint8Array => packr.pack(value)
export const unpack = (bytes: Uint8Array): unknown => packr.unpack(bytes)

const headers: ReadonlyMap<number, { at: number; bytes: number }> = new Map([
  [0xde, { at: 1, bytes: 2 }],
  [0xdf, { at: 1, bytes: 4 }],
])

/** A packed map with one field more, without reading what it holds. What is no map is left as it is. */
export const withField = (map: Uint8Array, name: string, value: unknown): Uint8Array => {
  const bytes = Buffer.concat([map, pack(name), pack(value)])
  const first = bytes[0] ?? 0
  const count = headers.get(first)
  if (count !== undefined) bytes.writeUIntBE(bytes.readUIntBE(count.at, count.bytes) + 1, count.at, count.bytes)
  else if (first >= 0x80 && first < 0x8f) bytes[0] = first + 1
  else return map
  return bytes
}

export const packSnapshot = (value: StateValue, context: unknown): Uint8Array => pack({ value, context })

export const unpackSnapshot = (bytes: Uint8Array): { value: StateValue; context: Record<string, unknown> } =>
  unpack(bytes) as { value: StateValue; context: Record<string, unknown> }

/** Entries that were written before there was an order have none: their versions order them. */
export const unpackJournal = (bytes: Uint8Array): JournalEntry[] =>
  (unpack(bytes) as (Omit<JournalEntry, 'order'> & Partial<JournalEntry>)[]).map((entry) => ({
    ...entry,
    order: entry.order ?? [0, 0],
  }))

export const packJournal = (entries: readonly JournalEntry[]): Uint8Array => pack(entries)
