/** What waits for what, in words: from a row of the query to the line that people read. */
import { addressOf, readKey, taskId } from '../protocol/ids.ts'
import { daemonCommand, needsWords } from '../protocol/needs-words.ts'
import { word } from '../protocol/shell-words.ts'
import { type By, namedMax, type SlotNeed, type WaitLine } from '../protocol/waiting.ts'
import { isoOf, isoOrNull } from './pages.ts'
import { nameOfKey } from './plans.ts'
import type { WaitColumns } from './waiting-rows.ts'

export const waitLineOf = (row: WaitColumns): WaitLine => {
  const { owner, id, kind, status, parked, reason } = row
  const line = {
    id,
    address: addressOf(owner, id),
    kind,
    directive: row.directive === null ? null : readKey(row.directive).id,
    step: row.step === null ? null : nameOfKey(row.step),
    status,
    parked,
    reason,
    waiting: wordsOf(row),
    since: isoOf(row.at),
    until: isoOrNull(row.until),
    by: byOf(row),
    task: row.task === null ? null : addressOf(owner, taskId(id, row.task)),
    needs: needOf(row),
  }
  return { ...line, next: nextOf(line, row) }
}

const needOf = ({ role, labels, executor }: WaitColumns): SlotNeed | null =>
  role === null ? null : { role, labels: labels ?? {}, executor }

/** What its row says, with what only other rows know. */
const wordsOf = (row: WaitColumns): string => {
  const { kind, parked, waiting, role, paused } = row
  if (parked !== null) return 'a person: mend'
  if (row.awaitedCount !== null) return stepsWords(namesOf(row.awaited), row.awaitedCount)
  if (waiting === null) return 'nothing that is known'
  if (role === null || (paused && kind === 'directive')) return waiting
  const { labels, executor } = row
  return `${waiting} ${needsWords({ labels: labels ?? {}, ...(executor === null ? {} : { executor }) })}`.trimEnd()
}

/** `steps a, b and 3 more`. */
export const stepsWords = (names: readonly string[], count: number): string => {
  const rest = count - Math.min(names.length, namedMax)
  return `${count === 1 ? 'step' : 'steps'} ${names.slice(0, namedMax).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

const namesOf = (keys: readonly string[]): string[] => keys.map(nameOfKey)

const person: By = { who: 'person', names: [] }

/** A directive that is paused or parked gives nothing to daemons before somebody has it go on. */
const byOf = (row: WaitColumns): By => {
  const { kind, status, parked, daemon, paused } = row
  if (parked !== null || status === 'draft' || status === 'held' || (paused && kind === 'directive')) return person
  if (daemon !== null) return { who: 'daemon', names: [daemon] }
  if (row.role !== null) return slotBy(row)
  if (row.awaitedCount !== null) return { who: 'steps', names: namesOf(row.awaited) }
  if (kind === 'directive' && ['active', 'failing', 'cancelling'].includes(status) && row.task === null)
    return { who: 'steps', names: namesOf(row.live) }
  if (row.until !== null) return { who: 'timer', names: [] }
  const isReady = status === 'pending' || status === 'rework'
  return isReady && !isStopped(row) ? { who: 'directive', names: directiveName(row) } : person
}

const isStopped = ({ paused, stopped }: WaitColumns): boolean => paused || stopped

const directiveName = ({ directive }: WaitColumns): string[] => (directive === null ? [] : [readKey(directive).id])

const slotBy = (row: WaitColumns): By => {
  if (isStopped(row) && row.manual !== true) return person
  if (row.merging !== null) return { who: 'steps', names: [nameOfKey(row.merging)] }
  return { who: 'daemon', names: row.daemons ?? [] }
}

/** What a person types to go on from here, or to see more of it. */
const nextOf = (line: Omit<WaitLine, 'next'>, row: WaitColumns): string => {
  const { directive, kind, status, by, task, needs } = line
  if (directive === null) return 'writ daemon list'
  if (line.parked !== null || (row.stopped && by.who === 'person')) return `writ directive mend ${directive}`
  if (status === 'draft') return `writ directive start ${directive}`
  if (status === 'held') return `writ step show ${stepName(line, directive)}`
  if (row.paused && by.who === 'person') return `writ directive resume ${directive}`
  if (needs !== null && by.who === 'daemon') return by.names.length === 0 ? daemonCommand(needs) : 'writ daemon list'
  if (row.daemon !== null && task !== null)
    return row.pulled === true ? `writ task show ${task}` : `writ task output ${task} --follow`
  if (kind === 'step') return `writ step show ${stepName(line, directive)}`
  return `writ directive ${by.who === 'steps' ? 'watch' : 'show'} ${directive}`
}

const stepName = ({ id, step }: Pick<WaitLine, 'id' | 'step'>, directive: string): string =>
  step === null ? id : word(`${directive}/${step}`)
