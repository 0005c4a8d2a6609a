/**
 * Grants of a registry over their life: made by the matching, called back, given back, lost with their daemon; and the needs
 * that they are made for. All of it in the draft of a turn of the registry's own shard.
 */
import { actorKey, type ActorKey, registryId } from '../protocol/ids.ts'
import { beatMs, refusedWaitMaxMs } from '../protocol/limits.ts'
import { requirementOf } from './desk.ts'
import type { Presence } from './presence.ts'
import type { DaemonRow, GrantRow, NeedRow } from './ports/registry-rows.ts'
import { grantsOn, match, type Match, recalls, type RegistryTables } from './registry-tables.ts'
import type { Turn } from './turn.ts'

/** What a registry tells directives' desks. */
export type FromRegistry =
  /** `late`: it was parked, and may be recalled, lost or freed by now. */
  | { type: 'grant'; grant: GrantOffer; late?: true }
  | { type: 'grant.recall'; id: string }
  | { type: 'grant.lost'; id: string; reason: string }
  | { type: 'grant.audit'; grants: string[] }
  /** `heardAt`: when the daemon said so, ms since 1970. */
  | { type: 'daemon.back'; daemon: string; running: string[]; heardAt: number }
  /**
   * To a directive's own desk: it was mended, or a step of it; and to one that could not be opened, for whoever can. `dropped`: what it told the registry was dropped by a person; it goes
   * into its history, and the registry is told anew. `anew`: it is told anew, for what it was told was parked and is out of date. `alone`: it gives one slot
   in each commit, for one in which it gave some was refused.
   */
  | { type: 'desk.look'; dropped?: Record<string, unknown>; anew?: true; alone?: true }

/** A grant as it travels: with all that the directive needs to spend it. */
export interface GrantOffer extends Pick<DaemonRow, 'roles' | 'executors' | 'labels' | 'inbox' | 'session'> {
  id: string
  number: number
  daemon: string
  requirement: string
}

export const post = (turn: Turn, owner: string, to: ActorKey, message: FromRegistry): void =>
  turn.post(to, message, actorKey(owner, registryId))

export const presenceKey = (owner: string, daemon: string): string => `${owner}/${daemon}`

/** A need row stays while its directive lacks something or has grants, for the numbers; then its matching costs nothing. */
export const forgetNeed = (turn: Turn, tables: RegistryTables, directive: ActorKey): void => {
  const need = tables.needs.get(directive)
  if (need === undefined || need.lines.some(({ count }) => count > 0)) return
  for (const grant of tables.grants.values()) if (grant.directive === directive) return
  turn.host.memory.delete(tables.needs, directive)
  turn.draft.needs.set(directive, null)
}

export const putNeed = (turn: Turn, tables: RegistryTables, row: NeedRow): void => {
  turn.host.memory.set(tables.needs, row.directive, row)
  turn.draft.needs.set(row.directive, row)
}

const putGrant = (turn: Turn, tables: RegistryTables, row: GrantRow): void => {
  turn.host.memory.set(tables.grants, row.id, row)
  turn.draft.grants.set(presenceKey(row.owner, row.id), row)
}

/** A pull whose grant nobody spent waits on; one that had its task is over. */
export const freeGrant = (
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
  // One that has done a task waits no longer for what it refused before.
  const trust = unspent ? {} : { refusals: 0, notBefore: 0 }
  const after = suspect
    ? refusedBy(presence, turn.host.clock.monotonic())
    : { ...presence, running: Math.max(0, presence.running - 1), ...trust }
  turn.host.memory.set(turn.host.presence, presenceKey(owner, grant.daemon), after)
}

/** It waits for its next beat; one that refuses again and again waits longer each time. What comes back while it waits was sent before. */
const refusedBy = (presence: Presence, now: number): Presence => {
  if (now < presence.notBefore) return { ...presence, waitsForBeat: true }
  const refusals = presence.refusals + 1
  const waitMs = refusals === 1 ? 0 : Math.min(refusedWaitMaxMs, beatMs * 2 ** (refusals - 2))
  return { ...presence, refusals, notBefore: now + waitMs, waitsForBeat: true }
}

/** A pull is a session of one slot and one task. */
const forgetPull = (turn: Turn, owner: string, tables: RegistryTables, { name }: DaemonRow): void => {
  turn.host.memory.delete(tables.daemons, name)
  turn.draft.daemons.set(presenceKey(owner, name), { owner, name, gone: true })
  turn.host.memory.delete(turn.host.presence, presenceKey(owner, name))
}

export const loseGrants = (turn: Turn, owner: string, tables: RegistryTables, daemon: string, reason: string): void => {
  for (const grant of grantsOn(tables, daemon)) {
    turn.host.memory.delete(tables.grants, grant.id)
    turn.draft.grants.set(presenceKey(owner, grant.id), { owner, id: grant.id, gone: true })
    forgetNeed(turn, tables, grant.directive)
    post(turn, owner, grant.directive, { type: 'grant.lost', id: grant.id, reason })
  }
}

export const recallAll = (turn: Turn, owner: string, tables: RegistryTables, daemon: string): void => {
  for (const grant of grantsOn(tables, daemon)) if (!grant.recalled) recall(turn, owner, tables, grant)
}

const recall = (turn: Turn, owner: string, tables: RegistryTables, grant: GrantRow): void => {
  putGrant(turn, tables, { ...grant, recalled: true })
  post(turn, owner, grant.directive, { type: 'grant.recall', id: grant.id })
}

/**
 * Gives every free slot to the most urgent task that fits, and calls grants back for what is more urgent still. `among`: the
 * daemons that may have got a free slot; all, when it is more that is wanted.
 */
export const matchAll = (
  turn: Turn,
  owner: string,
  tables: RegistryTables,
  among: Iterable<DaemonRow> = tables.daemons.values(),
): void => {
  const now = turn.host.clock.monotonic()
  const presenceOf = (daemon: string): Presence | undefined => {
    const presence = turn.host.presence.get(presenceKey(owner, daemon))
    return presence === undefined || now >= presence.notBefore ? presence : { ...presence, waitsForBeat: true }
  }
  for (const each of match(tables, presenceOf, among)) grant(turn, owner, tables, each)
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
