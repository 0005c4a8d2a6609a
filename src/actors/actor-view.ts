/** An actor as whoever looks into it is shown it: its snapshot without secrets, and what is around it. */
import { type Live, statusOf, store, timersOf, waitingFor } from '../machines/advance.ts'
import { effectWords, timerWords } from '../machines/effect-words.ts'
import type { Coming } from '../machines/next.ts'
import type { Catalog } from '../machines/versions.ts'
import { addressOf } from '../protocol/ids.ts'
import type { ActorView, Coming as ComingView, Refusal, Standing } from '../protocol/looking.ts'
import { isoTime } from '../protocol/time.ts'
import { residentOf } from './loader.ts'
import type { Surroundings } from './ports/history.ts'
import type { LoadedActor } from './ports/store.ts'
import type { Replayed } from './replaying.ts'
import { shownState, storedState } from './sighting.ts'

export const standingOf = (live: Live): Standing => ({ status: statusOf(live), state: store(live).value })

/** As it is now; one that no machine of this build opens is shown as it is stored. */
export const actorView = (actor: LoadedActor, { mailbox, timers }: Surroundings, machines: Catalog): ActorView => {
  const { row } = actor
  const { live, parked } = residentOf(actor, machines)
  const { value: state, context, tags } = live === null ? storedState(row.snapshot) : shownState(live)
  return {
    ...placeOf(actor),
    version: row.version,
    since: isoTime(row.since),
    status: row.status,
    state,
    tags,
    context,
    waiting: row.waiting,
    timers: timers.map(({ id, due }) => ({ id, due: isoTime(due) })),
    parked,
    mailbox,
  }
}

/** As it was after an entry of its journal. When its timers were due then is written nowhere. */
export const pastView = (actor: LoadedActor, { version, entry, live }: Replayed, around: Surroundings): ActorView => {
  const { context, tags } = shownState(live)
  return {
    ...placeOf(actor),
    version,
    since: isoTime(entry.at),
    ...standingOf(live),
    tags,
    context,
    waiting: waitingFor(live),
    timers: timersOf(live).map((id) => ({ id, due: null })),
    parked: actor.parked,
    mailbox: around.mailbox,
  }
}

const placeOf = ({ row: { owner, id, kind, machine, machineVersion } }: LoadedActor) => ({
  id,
  address: addressOf(owner, id),
  kind,
  machine,
  machineVersion,
})

/** What comes of a message, in words. A refusal is told as such, and not among what it asks. */
export const comingView = ({ outcome, status, state, changed, effects, timers, refusal }: Coming): ComingView => ({
  outcome,
  status,
  state,
  changed,
  asks: asksOf({ effects, timers }),
  refusal: refusalView(refusal),
})

export const asksOf = ({ effects, timers }: Pick<Coming, 'effects' | 'timers'>): string[] => [
  ...effects.filter(({ kind }) => kind !== 'refuse').map(effectWords),
  ...timers.map(timerWords),
]

export const refusalView = (refusal: Coming['refusal']): Refusal | null =>
  refusal === null ? null : { code: refusal.code, message: refusal.text, hint: refusal.hint ?? null }
