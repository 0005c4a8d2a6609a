/** A message that an actor took, with its state after it, as whoever watches is shown it: live and from the journal alike. */
import { statusOf, store, waitingFor, type Live } from '../machines/advance.ts'
import type { Catalog } from '../machines/versions.ts'
import { shortened } from '../protocol/fitting.ts'
import { type ActorKey, directiveOf, kindOf, readKey } from '../protocol/ids.ts'
import { frameVersion, type ShownState, type Sighting } from '../protocol/inspection.ts'
import { withoutSecrets } from '../protocol/redaction.ts'
import { isCheckpoint, isMigration } from './checkpoint.ts'
import { unpackSnapshot } from './codec.ts'
import type { JournalEntry } from './draft.ts'
import { residentOf } from './loader.ts'
import type { LoadedActor } from './ports/store.ts'

/** What a sighting is made of; nothing is made of it before somebody is known to look. */
export interface Seen {
  key: ActorKey
  /** The actor's version after the commit. */
  version: number
  entry: JournalEntry
  /** Which entry of that version it is, from 0, and of how many. */
  place: number
  of: number
  /** After the entry. */
  live: Live
}

/** Secrets are left out, and long texts cut short, so that it goes into one message. */
export const sightingOf = ({ key, version, entry, place, of, live }: Seen): Sighting => {
  const { machine, version: machineVersion } = store(live)
  return shortened({
    ...frameOf(key, entry.at),
    event: withoutSecrets(eventOf(entry)) as { type: string },
    snapshot: shownState(live),
    writ: {
      version,
      entry: place,
      entries: of,
      order: entry.order,
      ...placeOf(key),
      machine,
      machineVersion,
      origin: entry.origin,
      sourceId: sourceOf(entry.origin),
      status: statusOf(live),
      waiting: waitingFor(live),
    },
  })
}

/** The state that an actor is in, for who begins to watch. One that no machine here opens is shown as it is stored. */
export const listedSighting = (actor: LoadedActor, machines: Catalog): Sighting => {
  const { row } = actor
  const { live } = residentOf(actor, machines)
  const { key, version, machine, machineVersion, status, waiting } = row
  return shortened({
    ...frameOf(key, row.since),
    event: { type: 'xstate.init' },
    snapshot: live === null ? storedState(row.snapshot) : shownState(live),
    writ: {
      version,
      entry: 0,
      entries: 1,
      order: [0, 0] as const,
      ...placeOf(key),
      machine,
      machineVersion,
      origin: 'store',
      sourceId: null,
      status,
      waiting,
      listed: true as const,
    },
  })
}

export const shownState = (live: Live): ShownState => {
  const { value, context } = store(live)
  const tags = [...live.snapshot.tags].toSorted((a, b) => (a < b ? -1 : 1))
  return { status: 'active', value, context: withoutSecrets(context), tags, children: {}, historyValue: {} }
}

export const storedState = (snapshot: Uint8Array): ShownState => {
  const { value, context } = unpackSnapshot(snapshot)
  return { status: 'active', value, context: withoutSecrets(context), tags: ['parked'], children: {}, historyValue: {} }
}

const frameOf = (key: ActorKey, at: number) => {
  const { id } = readKey(key)
  const common = { sessionId: id, rootId: directiveOf(id), id: null, createdAt: String(at), _version: frameVersion }
  return { type: '@xstate.snapshot' as const, ...common }
}

const placeOf = (key: ActorKey): Pick<Sighting['writ'], 'kind' | 'parentId'> => {
  const { id } = readKey(key)
  const kind = kindOf(id)
  return { kind, parentId: kind === 'step' ? directiveOf(id) : null }
}

/** As XState names what is no message: the first entry, and a timer that is due. Of a checkpoint and of a migration the state is shown, as of any entry. */
export const eventOf = (entry: JournalEntry): { type: string } => {
  const { message, timer, origin } = entry
  if (isCheckpoint(entry) || isMigration(entry)) return { type: entry.origin }
  if (origin === 'begin') return { type: 'xstate.init' }
  return message === null ? { type: timer ?? '' } : (message as { type: string })
}

/** The id of the actor that told it; null when it was none. */
export const sourceOf = (origin: string): string | null =>
  origin.includes('/') ? readKey(origin as ActorKey).id : null
