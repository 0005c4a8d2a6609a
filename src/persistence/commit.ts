/**
 * The commit as one document for `writ.commit` (migrations/0003_commit.sql): binary columns as base64, what must come back
 * exactly as JSON in text, everything else as it is. Lists that are empty are left out, and their section does not run.
 */
import type { Commit, Committed } from '../actors/ports/rows.ts'
import type { ThreadIdentity } from '../actors/ports/store.ts'
import { replyKeptMs } from '../protocol/limits.ts'
import type { Connection } from './connection.ts'
import { displayableJson } from './displayable.ts'

/** Throws as Store.commit does. */
export const commit = async (connection: Connection, thread: ThreadIdentity, rows: Commit): Promise<Committed> => {
  const text = displayableJson(commitDocument(thread, rows))
  const { removed = [] } = rows
  const [row] = await connection.run((sql) =>
    removed.length === 0
      ? sql<[{ ids: number[] | null }]>`select writ.commit(${text}::text::jsonb) as ids`
      : sql<[{ ids: number[] | null }]>`
        select c.ids, writ.remove(${JSON.stringify(removed)}::text::jsonb)
        from (select writ.commit(${text}::text::jsonb) as ids offset 0) c`,
  )
  return { messages: row.ids ?? [] }
}

const commitDocument = (thread: ThreadIdentity, rows: Commit): object => ({
  thread: thread.thread,
  nonce: thread.nonce,
  shards: rows.shards,
  ...actorSections(rows),
  ...filled({
    consumed: rows.consumed,
    fired: rows.fired,
    cancelledTimers: rows.cancelledTimers,
    timers: rows.timers,
    messages: rows.messages?.map((row) => ({ ...row, body: base64(row.body) })),
    journal: rows.journal?.map((row) => ({ ...row, entries: base64(row.entries) })),
  }),
  ...group('records', recordSections(rows)),
  ...group('slots', slotSections(rows)),
  ...group('rest', restSections(rows)),
})

const actorSections = ({ actors = [] }: Commit): object => {
  const packed = actors.map((row) => ({ ...row, snapshot: base64(row.snapshot) }))
  return { created: packed.filter((row) => row.version === 1), actors: packed.filter((row) => row.version !== 1) }
}

const recordSections = (rows: Commit): Sections => ({
  directives: rows.directives?.map((row) => ({ ...row, definition: JSON.stringify(row.definition) })),
  chains: rows.chains,
  events: rows.events,
  tasks: rows.tasks,
  attempts: rows.attempts,
  late: rows.late,
  evaluations: rows.evaluations,
})

const slotSections = (rows: Commit): Sections => ({
  unready: rows.unready,
  ready: rows.ready,
  unheld: rows.unheld,
  held: rows.held,
  goneDaemons: rows.goneDaemons,
  daemons: rows.daemons,
  goneNeeds: rows.goneNeeds,
  needs: rows.needs,
  goneGrants: rows.goneGrants,
  grants: rows.grants,
})

const restSections = (rows: Commit): Sections => ({
  files: rows.files,
  replies: rows.replies?.map((row) => ({ ...row, reply: JSON.stringify(row.reply) })),
  parked: rows.parked?.map((row) => ({ ...row, body: base64(row.body) })),
  faulted: rows.faulted,
  unparked: rows.unparked,
  unfaulted: rows.unfaulted,
  mended: rows.mended,
})

type Sections = Record<string, readonly unknown[] | undefined>

const filled = (sections: Sections): Sections =>
  Object.fromEntries(Object.entries(sections).filter(([, rows]) => rows !== undefined && rows.length > 0))

const group = (name: string, sections: Sections): object => {
  const present = filled(sections)
  if (Object.keys(present).length === 0) return {}
  return { [name]: { ...present, ...('replies' in present ? { repliesKeptMs: replyKeptMs } : {}) } }
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
