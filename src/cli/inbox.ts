/** What does not go on before a person does something: held steps, what is parked, and work that no daemon here can do. */
import { pageCountMax } from '../protocol/commands.ts'
import { needsWords } from '../protocol/needs-words.ts'
import type { ParkedLine } from '../protocol/parked.ts'
import type { SlotNeed, WaitLine } from '../protocol/waiting.ts'
import type { NodeApi } from './node-api.ts'

export interface InboxLine {
  kind: 'held' | 'parked' | 'no daemon'
  directive: string
  /** Null: the directive itself. */
  step: string | null
  why: string
  /** ISO 8601. */
  since: string
  /** The command that goes on from here. */
  next: string
}

/** So many actors are looked through, those that wait longest. */
const lookedAtMax = 2_000

export interface Inbox {
  lines: readonly InboxLine[]
  /** Whether more actors wait than were looked through. */
  partial: boolean
}

/** Oldest first. */
export const inboxOf = async (api: Pick<NodeApi, 'waiting' | 'parked'>): Promise<Inbox> => {
  const waits: WaitLine[] = []
  let next: string | null = null
  do {
    const page = await api.waiting({ stuck: true, limit: pageCountMax, ...(next === null ? {} : { after: next }) })
    waits.push(...page.lines)
    next = page.next
  } while (next !== null && waits.length < lookedAtMax)
  const { lines: parked, next: more } = await api.parked.list({ limit: pageCountMax })
  const lines = [...waits.map(inboxLineOf), ...parked.flatMap(messageLineOf)]
  const oldestFirst = lines.toSorted((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0))
  return { lines: [...firstOfEach(oldestFirst)], partial: next !== null || more !== null }
}

/** Parked actors are among what waits already. */
const messageLineOf = ({ kind, directive, actor, step, reason, type, since, next }: ParkedLine): InboxLine[] => {
  const why = `${type ?? 'a message that cannot be read'}: ${reason}`
  return kind === 'message' ? [{ kind: 'parked', directive: directive ?? actor.id, step, why, since, next }] : []
}

const inboxLineOf = ({ id, directive, step, parked, reason, waiting, needs, since, next }: WaitLine): InboxLine => {
  const line = { directive: directive ?? id, step, since, next }
  if (parked !== null) return { kind: 'parked', ...line, why: parked }
  if (needs === null) return { kind: 'held', ...line, why: reason ?? waiting }
  return { kind: 'no daemon', ...line, why: `${daemonWords(needs)}: none is connected` }
}

const daemonWords = ({ role, labels, executor }: SlotNeed): string =>
  `a daemon for the role ${role} ${needsWords({ labels, ...(executor === null ? {} : { executor }) })}`.trimEnd()

/** Of each directive the first of each kind of task that no daemon can do: the others wait for the same. */
function* firstOfEach(lines: readonly InboxLine[]): Generator<InboxLine> {
  const told = new Set<string>()
  for (const line of lines) {
    const key = `${line.directive} ${line.why}`
    if (line.kind === 'no daemon' && told.has(key)) continue
    told.add(key)
    yield line
  }
}
