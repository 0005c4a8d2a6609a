/** MessagePack for what is stored: snapshots, message rows, journal entries. Plain maps, no shared structures (they would tie versions together). */
import { Packr } from 'msgpackr'
import type { StateValue } from 'xstate'
import type { JournalEntry } from './draft.ts'

const packr = new Packr({ useRecords: false })

export const pack = (value: unknown): Uint8Array => packr.pack(value)
export const unpack = (bytes: Uint8Array): unknown => packr.unpack(bytes)

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
