/**
 * The registry at work (DESIGN 8): daemons come and go, directives say what they lack and give grants back, and after each
 * of these the matching runs. Its tables change only in the draft of a turn of the registry's own shard.
 */
import { statusOf } from '../machines/advance.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, readKey, registryId } from '../protocol/ids.ts'
import { beatMs, daemonCountMax, daemonLeaseMs } from '../protocol/limits.ts'
import type { Hello, HelloReply } from '../protocol/task.ts'
import { forgetNeed, freeGrant, loseGrants, matchAll, post, presenceKey, putNeed, recallAll } from './granting.ts'
import { heardOf, type Presence, unheard } from './presence.ts'
import type { DaemonRow, NeedRow } from './ports/registry-rows.ts'
import { grantsOn, lessGranted, type RegistryTables } from './registry-tables.ts'
import type { ToRegistry } from './settle.ts'
import type { Turn } from './turn.ts'

/** The registry exists from its first message on, and its shard is part of every commit that changes its tables. */
const tablesFor = async (turn: Turn, owner: string): Promise<RegistryTables> => {
  const key = actorKey(owner, registryId)
  const resident = (await turn.host.loader.actor(key)) ?? (await turn.create(key, null))
  if (resident !== null) turn.draft.shards.add(resident.row.shard)
  return turn.host.loader.registry(owner)
}

/** Makes an owner's registry unless it is there: from then on its daemons and pulls are heard. */
export const openRegistry = async (turn: Turn, owner: string): Promise<object> => {
  await tablesFor(turn, owner)
  return {}
}

/** How a hello came: a pull's with the inbox that waits for its task; `heardAt`, ms since 1970, may be long before its turn. */
interface Heard {
  inbox: string | null
  heardAt: number
}

/** A daemon comes, comes back or changes what it offers. */
export const helloDaemon = async (
  turn: Turn,
  owner: string,
  name: string,
  hello: Hello,
  { inbox, heardAt }: Heard,
): Promise<HelloReply> => {
  const tables = await tablesFor(turn, owner)
  const known = tables.daemons.get(name)
  const presence = turn.host.presence.get(presenceKey(owner, name))
  const resumes = known !== undefined && hello.home !== undefined && known.home === hello.home
  const isThere = isLive(turn, known, presence) || isPulledOn(tables, known)
  if (known !== undefined && known.session !== hello.session && !resumes && isThere)
    throw new WritError('NAME_TAKEN', `a daemon named ${name} is connected already`, {
      hint: 'choose another --name, or stop that one',
    })
  if (known === undefined && tables.daemons.size >= daemonCountMax)
    throw new WritError('TOO_LARGE', `${owner} has ${tables.daemons.size} daemons already, pulls among them`, {
      hint: `it may have ${daemonCountMax}: stop some, or give one of them more slots`,
    })
  const session = resumes ? known.session : hello.session
  if (known !== undefined && known.session !== session) loseGrants(turn, owner, tables, name, 'the daemon started anew')
  const { slots, roles, executors, labels, draining } = hello
  const home = hello.home ?? null
  const at = offeredAt(turn, tables, name)
  const daemon = { owner, name, session, home, slots, roles, executors, labels, draining, inbox, at }
  putDaemon(turn, tables, daemon)
  const now = turn.host.clock.monotonic()
  const heard = { ...heardOf(session, now), running: hello.running.length }
  turn.host.memory.set(turn.host.presence, presenceKey(owner, name), heard)
  for (const directive of new Set(grantsOn(tables, name).map((grant) => grant.directive)))
    post(turn, owner, directive, { type: 'daemon.back', daemon: name, running: hello.running, heardAt })
  if (draining) recallAll(turn, owner, tables, name)
  matchAll(turn, owner, tables, [daemon])
  return { session, beatMs, leaseMs: daemonLeaseMs }
}

/** Later than any grant that it has: those were made before, in the same millisecond or by a clock that was ahead. */
const offeredAt = ({ host }: Turn, tables: RegistryTables, name: string): number =>
  Math.max(host.now(), ...grantsOn(tables, name).map(({ at }) => at + 1))

/** A pull that has its task says nothing more until that ends. */
const isPulledOn = (tables: RegistryTables, daemon: DaemonRow | undefined): boolean =>
  daemon !== undefined && daemon.inbox !== null && grantsOn(tables, daemon.name).length > 0

/**
 * A presence of another session is of a hello whose commit did not get through: that one runs again, and is not there yet. After a
 * restore the one whose name it was has its lease to say hello.
 */
const isLive = ({ host }: Turn, daemon: DaemonRow | undefined, presence: Presence | undefined): boolean =>
  presence !== undefined &&
  [daemon?.session, unheard].includes(presence.session) &&
  host.clock.monotonic() - presence.seenAt < daemonLeaseMs

/** A daemon is gone: said bye, or was silent for its lease. Its grants are lost with it. */
export const loseDaemon = async (
  turn: Turn,
  owner: string,
  name: string,
  session: string,
  reason: string,
): Promise<void> => {
  const tables = await tablesFor(turn, owner)
  if (tables.daemons.get(name)?.session !== session) return
  loseGrants(turn, owner, tables, name, reason)
  turn.host.memory.delete(tables.daemons, name)
  turn.draft.daemons.set(presenceKey(owner, name), { owner, name, gone: true })
  turn.host.memory.delete(turn.host.presence, presenceKey(owner, name))
  // It leaves no slot behind, but may have had one that was called back for somebody.
  matchAll(turn, owner, tables, [])
}

/** A pull that has its task stays until the task has ended; one that has none is told so. */
export const loseUnusedPull = async (turn: Turn, owner: string, name: string, session: string): Promise<void> => {
  const tables = await turn.host.loader.registry(owner)
  const pull = tables.daemons.get(name)
  if (pull?.session !== session || grantsOn(tables, name).length > 0) return
  await loseDaemon(turn, owner, name, session, 'the pull is over')
  const { inbox } = pull
  const why = new WritError('NO_ANSWER', 'no task came up in time', { hint: 'pull again' })
  if (inbox !== null) turn.draft.outgoing.push({ kind: 'reply', send: () => turn.host.wire.endPull(inbox, why) })
}

/** A beat changed what a daemon offers, or freed a slot that nobody knew about: look again. */
export const lookAgain = async (
  turn: Turn,
  owner: string,
  name: string,
  change: { slots?: number; draining?: boolean },
): Promise<void> => {
  const tables = await tablesFor(turn, owner)
  const daemon = tables.daemons.get(name)
  if (daemon === undefined) return
  const { slots = daemon.slots, draining = daemon.draining } = change
  // What it was granted before it took slots back stays with it: from then on no more are made than it has.
  const at = slots < daemon.slots ? offeredAt(turn, tables, name) : daemon.at
  const now = { ...daemon, slots, draining, at }
  if (slots !== daemon.slots || draining !== daemon.draining) putDaemon(turn, tables, now)
  if (draining && !daemon.draining) recallAll(turn, owner, tables, name)
  matchAll(turn, owner, tables, [now])
}

/** What a directive tells. */
export const takeFromDirective = async (turn: Turn, message: ToRegistry): Promise<void> => {
  const { owner } = readKey(message.directive)
  const tables = await tablesFor(turn, owner)
  if (message.type === 'open') return
  if (message.type === 'need') takeNeed(turn, owner, tables, message)
  else if (message.type === 'release') for (const grant of message.grants) freeGrant(turn, owner, tables, grant)
  else for (const id of message.unknown) freeGrant(turn, owner, tables, { id, suspect: true, unspent: false })
  matchAll(turn, owner, tables)
}

const takeNeed = (
  turn: Turn,
  owner: string,
  tables: RegistryTables,
  { directive, lines, seen }: Extract<ToRegistry, { type: 'need' }>,
): void => {
  const known = tables.needs.get(directive)
  const unseen = [...tables.grants.values()].filter((grant) => grant.directive === directive && grant.number > seen)
  const row: NeedRow = { owner, directive, lines: lessGranted(lines, unseen), seen, granted: known?.granted ?? seen }
  putNeed(turn, tables, row)
  forgetNeed(turn, tables, directive)
}

const putDaemon = (turn: Turn, tables: RegistryTables, row: DaemonRow): void => {
  turn.host.memory.set(tables.daemons, row.name, row)
  turn.draft.daemons.set(presenceKey(row.owner, row.name), row)
}

/**
 * Asks the directives of old grants what they hold; what they do not know is freed. Matches as well, so that a look that was
 * lost on the way leaves no free slot beside what waits for it. `says`: it was just taken over, or that is past.
 */
export const auditGrants = async (
  turn: Turn,
  owner: string,
  { olderThanMs, says }: { olderThanMs: number; says: 'audit' | 'settled' },
): Promise<void> => {
  const tables = await tablesFor(turn, owner)
  await tellChart(turn, actorKey(owner, registryId), says)
  const before = turn.host.now() - olderThanMs
  const asked = new Map<ActorKey, string[]>()
  for (const grant of tables.grants.values())
    if (grant.at <= before) asked.set(grant.directive, [...(asked.get(grant.directive) ?? []), grant.id])
  for (const [directive, grants] of asked) post(turn, owner, directive, { type: 'grant.audit', grants })
  matchAll(turn, owner, tables)
}

/** Its chart hears what is news to it. */
const tellChart = async (turn: Turn, key: ActorKey, says: 'audit' | 'settled'): Promise<void> => {
  const resident = await turn.host.loader.actor(key)
  if (resident?.live == null || resident.parked !== null) return
  if (statusOf(resident.live) !== (says === 'audit' ? 'settling' : 'granting'))
    turn.tell(key, { type: says }, 'registry')
}
