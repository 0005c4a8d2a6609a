/**
 * The registry at work (DESIGN 8): daemons come and go, directives say what they lack and give grants back, and after each
 * of these the matching runs. Its tables change only in the draft of a turn of the registry's own shard.
 */
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, readKey, registryId } from '../protocol/ids.ts'
import { beatMs, daemonCountMax, daemonLeaseMs } from '../protocol/limits.ts'
import type { Hello, HelloReply } from '../protocol/task.ts'
import { requirementOf } from './desk.ts'
import type { Presence } from './presence.ts'
import type { DaemonRow, GrantRow, NeedRow } from './ports/registry-rows.ts'
import { grantsOn, lessGranted, match, type Match, recalls, type RegistryTables } from './registry-tables.ts'
import type { ToRegistry } from './settle.ts'
import type { Turn } from './turn.ts'

/** What a registry tells directives' desks. */
export type FromRegistry =
  | { type: 'grant'; grant: GrantOffer }
  | { type: 'grant.recall'; id: string }
  | { type: 'grant.lost'; id: string; reason: string }
  | { type: 'grant.audit'; grants: string[] }
  /** `heardAt`: when the daemon said so, ms since 1970. */
  | { type: 'daemon.back'; daemon: string; running: string[]; heardAt: number }
  /** Of a directive that was mended, to its own desk. */
  | { type: 'desk.look' }

/** A grant as it travels: with all that the directive needs to spend it. */
export interface GrantOffer extends Pick<DaemonRow, 'roles' | 'executors' | 'labels' | 'inbox' | 'session'> {
  id: string
  number: number
  daemon: string
  requirement: string
}

const post = (turn: Turn, owner: string, to: ActorKey, message: FromRegistry): void =>
  turn.post(to, message, actorKey(owner, registryId))

const presenceKey = (owner: string, daemon: string): string => `${owner}/${daemon}`

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
  putDaemon(turn, tables, {
    owner,
    name,
    session,
    home: hello.home ?? null,
    slots,
    roles,
    executors,
    labels,
    draining,
    inbox,
    at: turn.host.now(),
  })
  turn.host.presence.set(presenceKey(owner, name), {
    session,
    seenAt: turn.host.clock.monotonic(),
    running: hello.running.length,
    waitsForBeat: false,
  })
  for (const directive of new Set(grantsOn(tables, name).map((grant) => grant.directive)))
    post(turn, owner, directive, { type: 'daemon.back', daemon: name, running: hello.running, heardAt })
  if (draining) recallAll(turn, owner, tables, name)
  matchAll(turn, owner, tables)
  return { session, beatMs, leaseMs: daemonLeaseMs }
}

/** A pull that has its task says nothing more until that ends. */
const isPulledOn = (tables: RegistryTables, daemon: DaemonRow | undefined): boolean =>
  daemon !== undefined && daemon.inbox !== null && grantsOn(tables, daemon.name).length > 0

/** A presence of another session is of a hello whose commit did not get through: that one runs again, and is not there yet. */
const isLive = ({ host }: Turn, daemon: DaemonRow | undefined, presence: Presence | undefined): boolean =>
  presence !== undefined &&
  presence.session === daemon?.session &&
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
  turn.host.presence.delete(presenceKey(owner, name))
  matchAll(turn, owner, tables)
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
  if (slots !== daemon.slots || draining !== daemon.draining) putDaemon(turn, tables, { ...daemon, slots, draining })
  if (draining && !daemon.draining) recallAll(turn, owner, tables, name)
  matchAll(turn, owner, tables)
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

/** A need row stays while its directive lacks something or has grants, for the numbers; then its matching costs nothing. */
const forgetNeed = (turn: Turn, tables: RegistryTables, directive: ActorKey): void => {
  const need = tables.needs.get(directive)
  if (need === undefined || need.lines.some(({ count }) => count > 0)) return
  for (const grant of tables.grants.values()) if (grant.directive === directive) return
  turn.host.memory.delete(tables.needs, directive)
  turn.draft.needs.set(directive, null)
}

const putNeed = (turn: Turn, tables: RegistryTables, row: NeedRow): void => {
  turn.host.memory.set(tables.needs, row.directive, row)
  turn.draft.needs.set(row.directive, row)
}

const putDaemon = (turn: Turn, tables: RegistryTables, row: DaemonRow): void => {
  turn.host.memory.set(tables.daemons, row.name, row)
  turn.draft.daemons.set(presenceKey(row.owner, row.name), row)
}

const putGrant = (turn: Turn, tables: RegistryTables, row: GrantRow): void => {
  turn.host.memory.set(tables.grants, row.id, row)
  turn.draft.grants.set(presenceKey(row.owner, row.id), row)
}

/** A pull whose grant nobody spent waits on; one that had its task is over. */
const freeGrant = (
  turn: Turn,
  owner: string,
  tables: RegistryTables,
  { id, suspect, unspent }: { id: string; suspect: boolean; unspent: boolean },
): void => {
  const grant = tables.grants.get(id)
  if (grant === undefined) return
  turn.host.memory.delete(tables.grants, id)
  turn.draft.grants.set(presenceKey(owner, id), { owner, id, gone: true })
  forgetNeed(turn, tables, grant.directive)
  const presence = turn.host.presence.get(presenceKey(owner, grant.daemon))
  const daemon = tables.daemons.get(grant.daemon)
  if (daemon !== undefined && daemon.inbox !== null && !unspent) forgetPull(turn, owner, tables, daemon)
  if (presence === undefined) return
  const running = suspect ? presence.running : Math.max(0, presence.running - 1)
  turn.host.presence.set(presenceKey(owner, grant.daemon), {
    ...presence,
    running,
    waitsForBeat: presence.waitsForBeat || suspect,
  })
}

/** A pull is a session of one slot and one task. */
const forgetPull = (turn: Turn, owner: string, tables: RegistryTables, { name }: DaemonRow): void => {
  turn.host.memory.delete(tables.daemons, name)
  turn.draft.daemons.set(presenceKey(owner, name), { owner, name, gone: true })
  turn.host.presence.delete(presenceKey(owner, name))
}

const loseGrants = (turn: Turn, owner: string, tables: RegistryTables, daemon: string, reason: string): void => {
  for (const grant of grantsOn(tables, daemon)) {
    turn.host.memory.delete(tables.grants, grant.id)
    turn.draft.grants.set(presenceKey(owner, grant.id), { owner, id: grant.id, gone: true })
    forgetNeed(turn, tables, grant.directive)
    post(turn, owner, grant.directive, { type: 'grant.lost', id: grant.id, reason })
  }
}

const recallAll = (turn: Turn, owner: string, tables: RegistryTables, daemon: string): void => {
  for (const grant of grantsOn(tables, daemon)) if (!grant.recalled) recall(turn, owner, tables, grant)
}

const recall = (turn: Turn, owner: string, tables: RegistryTables, grant: GrantRow): void => {
  putGrant(turn, tables, { ...grant, recalled: true })
  post(turn, owner, grant.directive, { type: 'grant.recall', id: grant.id })
}

/** Gives every free slot to the most urgent task that fits, and calls grants back for what is more urgent still. */
const matchAll = (turn: Turn, owner: string, tables: RegistryTables): void => {
  for (const each of match(tables, (daemon) => turn.host.presence.get(presenceKey(owner, daemon))))
    grant(turn, owner, tables, each)
  for (const each of recalls(tables)) recall(turn, owner, tables, each)
}

const grant = (
  turn: Turn,
  owner: string,
  tables: RegistryTables,
  { directive, line, requirement, daemon }: Match,
): void => {
  const need = tables.needs.get(directive)
  if (need === undefined) return
  const number = need.granted + 1
  const id = turn.host.random.token(16)
  const { name, session, roles, executors, labels, inbox } = daemon
  const lines = need.lines.map((each) =>
    requirementOf(each) === requirement ? { ...each, count: each.count - 1 } : each,
  )
  putNeed(turn, tables, { ...need, lines, granted: number })
  putGrant(turn, tables, {
    owner,
    id,
    directive,
    number,
    daemon: name,
    session,
    role: line.role,
    requirement,
    recalled: false,
    at: turn.host.now(),
  })
  post(turn, owner, directive, {
    type: 'grant',
    grant: { id, number, daemon: name, session, roles, executors, labels, inbox, requirement },
  })
}

/**
 * Asks the directives of old grants what they hold; what they do not know is freed. Matches as well, so that a look that was
 * lost on the way leaves no free slot beside what waits for it.
 */
export const auditGrants = async (turn: Turn, owner: string, olderThanMs: number): Promise<void> => {
  const tables = await tablesFor(turn, owner)
  const before = turn.host.now() - olderThanMs
  const asked = new Map<ActorKey, string[]>()
  for (const grant of tables.grants.values())
    if (grant.at <= before) asked.set(grant.directive, [...(asked.get(grant.directive) ?? []), grant.id])
  for (const [directive, grants] of asked) post(turn, owner, directive, { type: 'grant.audit', grants })
  matchAll(turn, owner, tables)
}
