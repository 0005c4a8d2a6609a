/** An actor as `writ actor` prints it: for a person, and for a pipe as tab-separated lines of whole values. */
import type { Change } from '../protocol/changes.ts'
import type {
  ActorDiff,
  ActorView,
  Coming,
  JournalLine,
  NextLine,
  NextView,
  Standing,
  TrialView,
} from '../protocol/looking.ts'
import { oneLine, type Terminal } from './terminal.ts'
import { fit } from './width.ts'

type Face = Pick<Terminal, 'rich' | 'columns' | 'paint'>
type Facts = readonly (readonly [name: string, value: string | null])[]

export const actorLines = (view: ActorView, face: Face): string[] =>
  factLines(
    [
      ['id', view.id],
      ['address', view.address],
      ['kind', `${view.kind} (machine ${view.machine}, version ${view.machineVersion})`],
      ['version', String(view.version)],
      ['since', view.since],
      ['status', view.status],
      ['state', stateText(view.state)],
      ['waits for', view.waiting],
      ['parked', view.parked],
      ['mailbox', view.mailbox === 0 ? null : `${view.mailbox} messages`],
      ...view.timers.map(({ id, due }) => ['timer', due === null ? id : `${id}, due ${due}`] as const),
      ...fieldsOf(view.context).map(([name, value]) => [`context.${name}`, brief(value)] as const),
    ],
    face,
  )

/** One line: version, time, message, from whom, the states before and after, and what else changed. */
export const journalText = (line: JournalLine, { rich, paint, columns }: Face): string => {
  const { version, entry, time, type, from, before, after, changes } = line
  const led = before === null ? after.status : moveText(before, after)
  const changed = changes.filter(({ path }) => path.startsWith('context.')).map(changeText)
  if (!rich) return [version, entry, time, type, from, led, changed.join('; ')].map(cell).join('\t')
  const head = `${String(version).padStart(4)}  ${clock(time)}  ${type}`
  const rest = `from ${from}: ${led}${changed.length === 0 ? '' : `; ${changed.join('; ')}`}`
  return `${head}  ${paint.dim(fit(oneLine(rest), Math.max(20, columns - head.length - 2)))}`
}

export const diffLines = ({ from, to, changes }: ActorDiff, face: Face): string[] => {
  if (changes.length === 0) return [`${from.id} is the same at version ${from.version} and at version ${to.version}`]
  if (!face.rich)
    return changes.map(({ path, before, after }) => [path, brief(before), brief(after)].map(cell).join('\t'))
  const heading = `${from.id}: version ${from.version} (${from.since}) → ${to.version} (${to.since})`
  return [heading, ...changes.map((change) => `  ${oneLine(changeText(change))}`)]
}

/** What it takes comes first, then what is refused, then what changes nothing. For a pipe: outcome, message, which, what comes of it. */
export const nextLines = (view: NextView, face: Face): string[] => {
  const { messages, timers, unanswered, migrates } = view
  const told = (['taken', 'refused', 'nothing'] as const).flatMap((outcome) =>
    messages.filter((line) => line.outcome === outcome).map((line) => ({ ...line, name: nameOf(line) })),
  )
  if (!face.rich)
    return [
      ...(migrates === null ? [] : [`migrates\t${migrates}`]),
      ...told.map((line) => [line.outcome, line.type, line.about, whatComes(line, view)].map(cell).join('\t')),
      ...timers.map((timer) => ['timer', timer.id, timer.due ?? '', whatComes(timer, view)].map(cell).join('\t')),
      ...unanswered.map((type) => `unanswered\t${type}`),
    ]
  const width = Math.min(60, Math.max(...told.map(({ name }) => name.length), 1))
  const signOf = { taken: face.paint.green('✓'), refused: face.paint.red('✗'), nothing: face.paint.dim('·') }
  const rows = told.map((line) => `${signOf[line.outcome]} ${line.name.padEnd(width)}  ${whatComes(line, view)}`)
  const due = timers.map((timer) => `⏱ ${timerText(timer)}  ${whatComes(timer, view)}`)
  const silent = unanswered.length === 0 ? [] : [face.paint.dim(`not answered now: ${unanswered.join(', ')}`)]
  const waits = view.waiting === null ? '' : `, waits for ${view.waiting}`
  const moves = migrates === null ? [] : [migrationText(migrates)]
  const lines = [`${view.id}  ${view.status}  ${stateText(view.state)}${waits}`, ...moves, ...rows, ...due, ...silent]
  return lines.map((line) => fit(line, Math.max(face.columns, 80) + 20))
}

const migrationText = (migrates: string): string =>
  `its next message first makes it one of ${migrates}: what is shown is of that`

const nameOf = ({ type, about }: NextLine): string => (about === '' ? type : `${type} ${about}`)
const timerText = ({ id, due }: { id: string; due: string | null }): string => (due === null ? id : `${id} at ${due}`)

const whatComes = (coming: Coming & Partial<Pick<NextLine, 'heldBack'>>, from: Standing): string => {
  const needs = (coming.heldBack ?? []).map(({ needs: each }) => each)
  const needed = needs.length === 0 ? '' : ` (only if ${needs.join('; or ')})`
  if (coming.outcome === 'refused') return oneLine(`refused: ${coming.refusal?.message ?? ''}${needed}`)
  if (coming.outcome === 'nothing') return oneLine(`changes nothing${needed}`)
  const asks = coming.asks.length === 0 ? '' : `; ${coming.asks.join('; ')}`
  return oneLine(`${moveText(from, coming)}${asks}`)
}

export const trialLines = (view: TrialView, face: Face): string[] => {
  const { outcome, refusal, before, after, changes, asks, heldBack } = view
  const words = {
    taken: `would be taken: ${moveText(before, after)}`,
    refused: `would be refused: ${refusal?.message ?? ''}`,
    nothing: 'would change nothing',
  }
  return factLines(
    [
      [view.timer === null ? 'message' : 'timer', view.timer ?? JSON.stringify(view.message)],
      ['first', view.migrates === null ? null : `it becomes one of ${view.migrates}`],
      ['outcome', words[outcome]],
      ['hint', refusal?.hint ?? null],
      ...heldBack.map(({ needs }) => ['only if', needs] as const),
      ...changes.map((change) => ['changes', changeText(change)] as const),
      ...asks.map((text) => ['then', text] as const),
    ],
    face,
  )
}

const factLines = (facts: Facts, { rich, paint }: Face): string[] => {
  const told = facts.flatMap(([name, value]) => (value === null ? [] : [[name, oneLine(value)] as const]))
  if (!rich) return told.map(([name, value]) => `${name}\t${value}`)
  const width = Math.max(...told.map(([name]) => name.length))
  return told.map(([name, value]) => `${paint.dim(name.padEnd(width))}  ${value}`)
}

/** `running.open.working`; parts of a parallel state in brackets: `flow.active + gate.open`. */
export const stateText = (state: unknown): string => {
  if (typeof state === 'string') return state
  if (typeof state !== 'object' || state === null) return ''
  return Object.entries(state)
    .map(([name, inner]) => {
      const text = stateText(inner)
      return text === '' ? name : `${name}.${text.includes(' + ') ? `(${text})` : text}`
    })
    .join(' + ')
}

const moveText = (before: Standing, after: Standing): string => {
  const [was, is] = [stateText(before.state), stateText(after.state)]
  return was === is ? `stays ${is}` : `${was} → ${is}`
}

const changeText = ({ path, before, after }: Change): string =>
  `${path.replace(/^context\./, '')}: ${brief(before)} → ${brief(after)}`

/** As JSON; what is not there as a dash. */
const brief = (value: unknown): string => (value === undefined ? '–' : JSON.stringify(value))

const fieldsOf = (context: unknown): [string, unknown][] =>
  typeof context === 'object' && context !== null ? Object.entries(context) : []

const cell = (value: string | number): string => oneLine(String(value))

const clock = (time: string): string => new Date(time).toTimeString().slice(0, 8)
