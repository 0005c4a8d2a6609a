/**
 * How much of the machines a run has seen: pairs of a state and of a message that does something there, `<machine> <state> <message>`.
 * Which there can be is told by the tables of test/machines, where each state meets every message.
 */
import { readFileSync } from 'node:fs'
import type { AnyStateNode, StateValue } from 'xstate'
import { isMigration } from '../../src/actors/checkpoint.ts'
import type { JournalEntry } from '../../src/actors/draft.ts'
import type { Live } from '../../src/machines/advance.ts'
import { current } from '../../src/machines/catalog.ts'
import { placeOf } from './later-machines.ts'

/** Of a timer the name of its delay, of a command to a step its verb as well. */
const typeOf = ({ message, timer }: JournalEntry): string => {
  if (timer !== null) return `timer ${timer.split('.')[2] ?? ''}`
  const { type, verb } = message as { type: string; verb?: string }
  return verb === undefined ? type : `${type} ${verb}`
}

/** None of a migration. Of later builds by the names that the machines of this one have. */
export const pairsOf = (live: Live, entry: JournalEntry): string[] => {
  const { machine, value } = live.snapshot
  return isMigration(entry) ? [] : pairsIn(machine.root as AnyStateNode, value as StateValue, typeOf(entry))
}

/** The message with each state of the lowest level; where states are parallel, of those parts alone that answer it. */
const pairsIn = (root: AnyStateNode, value: StateValue, type: string): string[] =>
  statesIn(root, value, type).map((state) => `${root.machine.id} ${placeOf(state, root.machine)} ${type}`)

const statesIn = (node: AnyStateNode, value: StateValue, type: string): string[] => {
  if (typeof value === 'string') return [[...node.path, value].join('.')]
  const parts = Object.entries(value).flatMap(([name, inner]) => {
    const part = node.states[name]
    return part === undefined || inner === undefined ? [] : [{ part, inner }]
  })
  const answering = node.type === 'parallel' ? parts.filter(({ part, inner }) => answers(part, inner, type)) : parts
  const states = answering.flatMap(({ part, inner }) => statesIn(part, inner, type))
  return states.length > 0 ? states : [node.path.join('.')]
}

/** Whether it, or what it is in, takes such a message. */
const answers = (node: AnyStateNode, value: StateValue, type: string): boolean => {
  if (wordsOf(node).has(type) || wordsOf(node).has(type.split(' ')[0] ?? '')) return true
  const inner = typeof value === 'string' ? { [value]: {} } : value
  return Object.entries(inner).some(([name, below]) => {
    const child = node.states[name]
    return child !== undefined && below !== undefined && answers(child, below, type)
  })
}

const words = new WeakMap<AnyStateNode, ReadonlySet<string>>()

const wordsOf = (node: AnyStateNode): ReadonlySet<string> => {
  const own = words.get(node) ?? new Set(node.ownEvents.map(wordOf))
  words.set(node, own)
  return own
}

const wordOf = (event: string): string =>
  event.startsWith('xstate.after.') ? `timer ${event.split('.')[2] ?? ''}` : event

/** What the tables know and no system does: a state of these can never be told such a message. */
const unreachable: readonly { why: string; isIt: (machine: string, state: string, word: string) => boolean }[] = [
  {
    why: 'a desk gives slots to what waits for one, in the commit in which it still does',
    isIt: (_, state, word) => word === 'task.granted' && !state.endsWith('queued'),
  },
  {
    why: 'there are no steps before there is a plan, and from then on there always is one',
    isIt: (machine, state, word) =>
      machine === 'directive' && /^flow\.(draft|planning)/.test(state) && word.startsWith('step.'),
  },
  {
    why: 'steps begin when the repository is prepared, and before that tell only that they are ready, or have stopped',
    isIt: (machine, state, word) =>
      machine === 'directive' &&
      state.startsWith('flow.active.preparing') &&
      /^step\.(passed|unpassed|failed)$/.test(word),
  },
  {
    why: 'a directive is checked when all of its steps have passed, and one that has not any more says that first',
    isIt: (machine, state, word) =>
      machine === 'directive' &&
      state.startsWith('flow.checking') &&
      /^step\.(ready|passed|failed|stopped)$/.test(word),
  },
  {
    why: 'a draft has no task yet',
    isIt: (machine, state, word) => machine === 'directive' && state === 'flow.draft' && word === 'task.end',
  },
]

/** Why there can be no such pair; null of one that there can be. */
export const whyNever = (pair: string): string | null => {
  const [machine = '', state = '', word = ''] = pair.split(' ')
  return unreachable.find(({ isIt }) => isIt(machine, state, word))?.why ?? null
}

/** Nobody tells the machine of a registry anything: what it does is in its tables. */
const machines = ['directive', 'step'] as const

/** Every pair that the tables know, but for those that there can never be. */
export const reachablePairs = (): Set<string> =>
  new Set(
    machines
      .flatMap((name) => {
        const table = readFileSync(`test/machines/tables/${name}.txt`, 'utf8')
        return pairsInTable(current[name].root as AnyStateNode, table)
      })
      .filter((pair) => whyNever(pair) === null),
  )

/** A table has a part for each state: what it is, then lines of messages, each followed by what comes of them, indented. */
const pairsInTable = (root: AnyStateNode, table: string): string[] =>
  table
    .trimEnd()
    .split('\n\n')
    .flatMap((part) => {
      const [head = '', ...lines] = part.split('\n')
      const value = stateIn(head)
      return doingIn(lines).flatMap((type) => pairsIn(root, value, type))
    })

/** As in `## draft, paused: {flow:draft,gate:paused}, draft; timers: none`. */
const stateIn = (head: string): StateValue => {
  const [, text = ''] = /: (\{.*\}|\w+), \w+; timers: /.exec(head) ?? []
  return JSON.parse(text.replaceAll(/\w+/g, (word) => `"${word}"`)) as StateValue
}

/** The messages that do anything. */
const doingIn = (lines: readonly string[]): string[] =>
  lines.flatMap((line, at) => {
    if (line.startsWith(' ') || lines[at + 1] === '  nothing') return []
    return line.split('; ').flatMap((name) => nameIn(name) ?? [])
  })

/** Of `command evaluate, ended` or `task.done, stale` what `typeOf` calls it; null of a command without a verb. */
const nameIn = (event: string): string | null => {
  const [name = ''] = event.split(',')
  const [first = '', second] = name.split(' ')
  const hasWord = first === 'timer' || first.endsWith('command')
  if (!hasWord) return first
  return second === undefined ? null : `${first} ${second}`
}
