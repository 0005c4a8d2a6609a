/** What does not go on before a person does something: held steps, what is parked, and work that no daemon here can do. */
import type { Needs, Role } from '../protocol/directive.ts'
import { pageCountMax } from '../protocol/commands.ts'
import { fits, needsTogether, standardExecutors } from '../protocol/needs.ts'
import { needsWords } from '../protocol/needs-words.ts'
import type { DaemonLine, DirectiveView, Page, TaskLine } from '../protocol/views.ts'
import type { NodeApi } from './node-api.ts'
import { word } from './shell-text.ts'

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

/** So many directives and tasks are looked through, the newest first. */
const lookedAtMax = 2_000
const atOnce = 8

export interface Inbox {
  lines: readonly InboxLine[]
  /** Whether there are more directives or tasks than were looked through. */
  partial: boolean
}

/** Oldest first. */
export const inboxOf = async (api: NodeApi): Promise<Inbox> => {
  const directives = await all((after) => api.directives({ state: 'open', ...after }))
  const views = await mapped(directives.lines, ({ id }) => api.directive(id))
  const tasks = await all((after) => api.tasks({ state: 'pending', ...after }))
  const daemons = tasks.lines.length === 0 ? [] : (await all((after) => api.daemons(after))).lines
  const lines = [...views.flatMap(waitingIn), ...(await undoable(api, views, tasks.lines, daemons))]
  return {
    lines: lines.toSorted((a, b) => a.since.localeCompare(b.since)),
    partial: directives.more || tasks.more,
  }
}

const all = async <T>(
  ask: (query: { limit: number; after?: string }) => Promise<Page<T>>,
): Promise<{ lines: readonly T[]; more: boolean }> => {
  const lines: T[] = []
  let next: string | null = null
  do {
    const page: Page<T> = await ask({ limit: pageCountMax, ...(next === null ? {} : { after: next }) })
    lines.push(...page.lines)
    next = page.next
  } while (next !== null && lines.length < lookedAtMax)
  return { lines, more: next !== null }
}

const mapped = async <T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> => {
  const done: R[] = []
  for (let from = 0; from < items.length; from += atOnce)
    done.push(...(await Promise.all(items.slice(from, from + atOnce).map(each))))
  return done
}

const waitingIn = ({ id, parked, since, stepList }: DirectiveView): InboxLine[] => {
  const own: InboxLine[] =
    parked === null
      ? []
      : [{ kind: 'parked', directive: id, step: null, why: parked, since, next: `writ directive mend ${id}` }]
  const ofSteps = stepList.flatMap((step): InboxLine[] => {
    const line = { directive: id, step: step.name, since: step.since, next: `writ step show ${id}/${step.name}` }
    if (step.parked !== null) return [{ ...line, kind: 'parked', why: step.parked, next: `writ directive mend ${id}` }]
    if (step.status !== 'held') return []
    return [{ ...line, kind: 'held', why: step.reason ?? step.waiting ?? 'it waits for a decision' }]
  })
  return [...own, ...ofSteps]
}

/** Of each directive the first task of each kind that no daemon can do: the others wait for the same. */
const undoable = async (
  api: NodeApi,
  views: readonly DirectiveView[],
  tasks: readonly TaskLine[],
  daemons: readonly DaemonLine[],
): Promise<InboxLine[]> => {
  const known = new Map(views.map((view) => [view.id, view]))
  const first = new Map<string, InboxLine>()
  const wanted = await mapped(tasks, async (task) => ({ task, needs: await needsOf(api, known, task) }))
  for (const { task, needs } of wanted.toReversed()) {
    const { directive, step, role, created } = task
    if (!known.has(directive) || daemons.some((daemon) => canDo(daemon, role, needs))) continue
    const why = `${`a daemon for the role ${role} ${needsWords(needs)}`.trimEnd()}: none is connected`
    const line = {
      directive,
      step: step?.name ?? null,
      why,
      since: created,
      next: `writ daemon run${flagsFor(role, needs)}`,
    }
    const key = `${directive} ${why}`
    if (!first.has(key)) first.set(key, { kind: 'no daemon', ...line })
  }
  return [...first.values()]
}

/** What a task asks for: what the directive says of its role, and its step besides (R39). */
const needsOf = async (
  api: NodeApi,
  views: ReadonlyMap<string, DirectiveView>,
  { directive, step, role }: TaskLine,
): Promise<Needs> => {
  const ofRole = views.get(directive)?.definition.needs[role] ?? {}
  return needsTogether(role, ofRole, step === null ? null : (await api.step(step.id)).needs)
}

const canDo = (daemon: DaemonLine, role: Role, { executor, labels = {} }: Needs): boolean =>
  !daemon.draining && fits({ role, executor: executor ?? null, labels }, daemon)

/** A label `host` says which machine it is to be; no flag makes another one of this. Which program an executor is only its people know. */
const flagsFor = (role: Role, { labels = {}, executor }: Needs): string =>
  [
    ` --role ${role}`,
    ...Object.entries(labels).flatMap(([key, value]) =>
      key === 'host' ? [] : [` --label ${word(`${key}=${value}`)}`],
    ),
    ...(executor === undefined || isStandard(executor) ? [] : [` --executor ${word(executor)}="program arguments"`]),
  ].join('')

const isStandard = (executor: string): boolean => standardExecutors.some((name) => name === executor)
