/**
 * A directive's desk: which of its tasks wait for a slot, which grants it holds, and what it told the registry. Decides
 * which waiting task a free grant is spent on (DESIGN 8): the most urgent, work that was begun before new work, then the
 * oldest; one merge at a time. Pure: whoever uses it writes the rows.
 */
import type { ActorKey } from '../protocol/ids.ts'
import { grantReusesMax } from '../protocol/limits.ts'
import { fits, type Want } from '../protocol/needs.ts'
import type { HeldRow, ReadyRow } from './ports/rows.ts'
import type { NeedLine } from './ports/registry-rows.ts'

export interface Desk {
  ready: Map<ActorKey, ReadyRow>
  held: Map<string, HeldRow>
  /** What the registry was last told, by requirement; null after a move: it is told again. */
  told: Map<string, number> | null
  /** Number of the last grant that came. */
  seen: number
  /** Whom a word was left to look at the desk, for the day that somebody can open them. */
  looks: ReadonlySet<ActorKey>
}

export const emptyDesk = (): Desk => ({ ready: new Map(), held: new Map(), told: new Map(), seen: 0, looks: new Set() })

const requirements = new WeakMap<object, string>()

/** Two tasks with the same requirement can be run by the same daemons. Remembered: a desk asks for it at every turn. */
export const requirementOf = (want: Want): string => {
  const known = requirements.get(want)
  if (known !== undefined) return known
  const labels = Object.entries(want.labels).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const requirement = JSON.stringify([want.role, want.executor, labels])
  requirements.set(want, requirement)
  return requirement
}

const before = (a: ReadyRow, b: ReadyRow): number =>
  b.priority - a.priority || Number(b.begun) - Number(a.begun) || a.since - b.since || (a.actor < b.actor ? -1 : 1)

const isSpent = (held: HeldRow): boolean => held.recalled || held.reuses >= grantReusesMax

export const freeGrants = (desk: Desk): HeldRow[] => [...desk.held.values()].filter((held) => held.actor === null)

const isMerging = (desk: Desk): boolean => [...desk.held.values()].some((held) => held.role === 'merger')

/** The next grant to spend and the task to spend it on, or null. `may`: whether the directive lets that task begin now. */
export const choose = (desk: Desk, may: (row: ReadyRow) => boolean): { held: HeldRow; row: ReadyRow } | null => {
  const free = freeGrants(desk).filter((held) => !isSpent(held))
  if (free.length === 0 || desk.ready.size === 0) return null
  const merging = isMerging(desk)
  let best: { held: HeldRow; row: ReadyRow } | null = null
  for (const row of desk.ready.values()) {
    if ((row.role === 'merger' && merging) || !may(row) || (best !== null && before(best.row, row) <= 0)) continue
    const held = free.find((grant) => fits(row, grant))
    if (held !== undefined) best = { held, row }
  }
  return best
}

/** What the directive lacks: its waiting tasks by requirement. Tasks that may not begin now are not asked for. */
export const lacks = (desk: Desk, may: (row: ReadyRow) => boolean): Map<string, NeedLine> => {
  const lines = new Map<string, NeedLine>()
  const merging = isMerging(desk)
  for (const row of desk.ready.values()) {
    if (!may(row) || (row.role === 'merger' && merging)) continue
    const requirement = requirementOf(row)
    const line = lines.get(requirement)
    const { role, labels, executor, priority, since } = row
    if (line === undefined) lines.set(requirement, { role, labels, executor, count: 1, priority, since })
    else if (role !== 'merger')
      lines.set(requirement, { ...line, count: line.count + 1, since: Math.min(line.since, since) })
  }
  return lines
}

/** The most slots of one kind that a directive asks for at once: more would only be told again and again. */
const askedMax = 64

/**
 * Whether the registry must be told: it believes in fewer than are lacking, or in some where none is. That it believes in
 * too many is let be: a grant too much comes back, and telling it at every hop would cost a commit of the registry each.
 */
export const mustTell = (desk: Desk, lines: ReadonlyMap<string, NeedLine>): boolean => {
  if (desk.told === null) return true
  for (const [requirement, line] of lines)
    if (Math.min(line.count, askedMax) > (desk.told.get(requirement) ?? 0)) return true
  for (const [requirement, count] of desk.told) if (count > 0 && !lines.has(requirement)) return true
  return false
}

export const toldOf = (lines: ReadonlyMap<string, NeedLine>): Map<string, number> =>
  new Map([...lines].map(([requirement, line]) => [requirement, Math.min(line.count, askedMax)]))

export const askedLines = (lines: ReadonlyMap<string, NeedLine>): NeedLine[] =>
  [...lines.values()].map((line) => ({ ...line, count: Math.min(line.count, askedMax) }))
