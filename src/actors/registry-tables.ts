/**
 * A registry's tables in memory, and the matching over them: which lacking task of which directive gets a slot of which
 * daemon. Pure: given the tables and what the beats say it names the grants and recalls to make; the turn writes them.
 */
import { priorityOf } from '../protocol/directive.ts'
import type { ActorKey } from '../protocol/ids.ts'
import { fits, type Want } from '../protocol/needs.ts'
import { requirementOf } from './desk.ts'
import type { Presence } from './presence.ts'
import type { DaemonRow, GrantRow, NeedLine, NeedRow } from './ports/registry-rows.ts'
import type { LoadedRegistry } from './ports/store.ts'

export interface RegistryTables {
  daemons: Map<string, DaemonRow>
  needs: Map<ActorKey, NeedRow>
  grants: Map<string, GrantRow>
}

/** A grant to make: a slot of this daemon for that line of the directive's need. */
export interface Match {
  directive: ActorKey
  line: NeedLine
  requirement: string
  daemon: DaemonRow
}

export const tablesOf = ({ daemons, needs, grants }: LoadedRegistry): RegistryTables => ({
  daemons: new Map(daemons.map((row) => [row.name, row])),
  needs: new Map(needs.map((row) => [row.directive, row])),
  grants: new Map(grants.map((row) => [row.id, row])),
})

export const grantsOn = (tables: RegistryTables, daemon: string): GrantRow[] =>
  [...tables.grants.values()].filter((grant) => grant.daemon === daemon)

/** What each of these daemons has free, of those that have anything. */
const freeSlots = (
  tables: RegistryTables,
  presenceOf: (daemon: string) => Presence | undefined,
  among: Iterable<DaemonRow>,
): Map<string, number> => {
  const granted = new Map<string, number>()
  for (const { daemon } of tables.grants.values()) granted.set(daemon, (granted.get(daemon) ?? 0) + 1)
  const free = new Map<string, number>()
  for (const { name, session, slots, draining } of among) {
    const presence = presenceOf(name)
    if (draining || presence?.session !== session || presence.waitsForBeat) continue
    const room = slots - Math.max(granted.get(name) ?? 0, presence.running)
    if (room > 0) free.set(name, room)
  }
  return free
}

interface Lack {
  directive: ActorKey
  line: NeedLine
}

const byUrgency = (a: Lack, b: Lack): number => b.line.priority - a.line.priority || a.line.since - b.line.since

/** Whether any directive lacks a slot. */
export const isLacking = ({ needs }: RegistryTables): boolean => {
  for (const { lines } of needs.values()) if (lines.some(({ count }) => count > 0)) return true
  return false
}

/** Most urgent first; only lines more urgent than `above`. */
const lacksOf = (tables: RegistryTables, above = -Infinity): Lack[] => {
  const lacks: Lack[] = []
  for (const { directive, lines } of tables.needs.values())
    for (const line of lines) if (line.count > 0 && line.priority > above) lacks.push({ directive, line })
  return lacks.sort(byUrgency)
}

/**
 * Highest priority first, then oldest (R41); among the daemons that fit, the one with most room. `among`: those that may
 * have got a free slot since the last time.
 */
export const match = (
  tables: RegistryTables,
  presenceOf: (daemon: string) => Presence | undefined,
  among: Iterable<DaemonRow> = tables.daemons.values(),
): Match[] => {
  // When nobody waits, and when every slot is taken, nothing is looked through.
  if (!isLacking(tables)) return []
  const free = freeSlots(tables, presenceOf, among)
  let slots = [...free.values()].reduce((sum, each) => sum + each, 0)
  const matches: Match[] = []
  const hopeless = new Set<string>()
  for (const { directive, line } of slots > 0 ? lacksOf(tables) : []) {
    if (slots === 0) break
    const requirement = requirementOf(line)
    for (let count = line.count; count > 0 && !hopeless.has(requirement); count--) {
      const daemon = roomiest(tables, free, line)
      if (daemon === null) hopeless.add(requirement)
      else {
        free.set(daemon.name, (free.get(daemon.name) ?? 0) - 1)
        slots--
        matches.push({ directive, line, requirement, daemon })
      }
    }
  }
  return matches
}

const roomiest = (tables: RegistryTables, free: ReadonlyMap<string, number>, line: NeedLine): DaemonRow | null => {
  let best: DaemonRow | null = null
  let room = 0
  for (const [name, slots] of free) {
    const daemon = tables.daemons.get(name)
    if (daemon === undefined || slots <= room || !fits(line, daemon)) continue
    best = daemon
    room = slots
  }
  return best
}

/**
 * Grants to call back because something more urgent waits that no free slot fits: one per waiting task, the least urgent
 * first; one that is called back already serves a waiting task before another is. It takes effect when the running attempt
 * ends, and stops nothing.
 */
export const recalls = (tables: RegistryTables): GrantRow[] => {
  const all = [...tables.grants.values()]
  const lacks = lacksOf(
    tables,
    all.reduce((lowest, { role }) => Math.min(lowest, priorityOf[role]), Infinity),
  )
  if (lacks.length === 0) return []
  const left = all.toSorted(
    (a, b) => Number(b.recalled) - Number(a.recalled) || priorityOf[a.role] - priorityOf[b.role],
  )
  const taken: GrantRow[] = []
  const hopeless = new Set<string>()
  for (const lack of lacks) {
    if (left.length === 0) break
    const requirement = requirementOf(lack.line)
    if (hopeless.has(requirement)) continue
    if (!takeServing(tables, lack, left, taken)) hopeless.add(requirement)
  }
  return taken.filter((grant) => !grant.recalled)
}

/** Moves as many grants from `left` to `taken` as are lacking. False: none of those left is of any use to such a task, whosever it is. */
const takeServing = (
  tables: RegistryTables,
  { directive, line }: Lack,
  left: GrantRow[],
  taken: GrantRow[],
): boolean => {
  let isServed = false
  let missing = line.count
  for (let at = 0; at < left.length && missing > 0; at++) {
    const grant = left[at]
    if (grant === undefined || priorityOf[grant.role] >= line.priority || !fitsDaemon(tables, grant.daemon, line))
      continue
    isServed = true
    if (grant.directive === directive) continue
    taken.push(...left.splice(at--, 1))
    missing--
  }
  return isServed
}

/** Whether a slot of it, once free, is any good to the line: a draining daemon takes nothing more, and a pull only one task. */
const fitsDaemon = (tables: RegistryTables, name: string, line: Want): boolean => {
  const daemon = tables.daemons.get(name)
  return daemon !== undefined && !daemon.draining && daemon.inbox === null && fits(line, daemon)
}

/** The need as it stands after the grants that the directive had not seen when it told (grants and needs may cross). */
export const lessGranted = (lines: readonly NeedLine[], unseen: readonly GrantRow[]): NeedLine[] =>
  lines.map((line) => {
    const requirement = requirementOf(line)
    const crossed = unseen.filter((grant) => grant.requirement === requirement).length
    return { ...line, count: Math.max(0, line.count - crossed) }
  })
