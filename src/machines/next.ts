/**
 * What an actor can take now: every type of message that its present state answers, case by case, with what comes of it, found by
 * trying it. So what is told here is what the machine then does.
 */
import type { AnyStateMachine, StateValue } from 'xstate'
import { casesOf } from './cases.ts'
import type { Effect, TimerCommand } from './effect.ts'
import type { Given } from './given.ts'
import { type HeldBack, heldBack } from './held-back.ts'
import { type Live, statusOf, timersOf } from './live.ts'
import type { Message } from './message.ts'
import { type Outcome, type Trial, tryMessage, tryTimer } from './trial.ts'

/** What comes of a message or a due timer. */
export interface Coming {
  outcome: Outcome
  /** Afterwards. */
  status: string
  state: StateValue
  changed: boolean
  effects: readonly Effect[]
  timers: readonly TimerCommand[]
  refusal: Trial['refusal']
}

export interface NextMessage extends Coming {
  type: string
  /** Which messages of this type, in words; empty for all. */
  about: string
  /** Their cases, as `caseOf` names them. */
  cases: readonly string[]
  /** One of them. */
  message: Message
  /** What holds it back, unless it is taken. */
  heldBack: readonly HeldBack[]
}

export interface NextTimer extends Coming {
  id: string
}

export interface Next {
  messages: readonly NextMessage[]
  timers: readonly NextTimer[]
  /** Types that the machine knows and this state does not answer: they change nothing. */
  unanswered: readonly string[]
}

/** `only`: of this type alone, and no timers. */
export const nextOf = (live: Live, given: Given<unknown>, only?: string): Next => {
  const known = typesOf(live)
  const answered = new Set(live.snapshot._nodes.flatMap((node) => [...node.transitions.keys()].map(String)))
  return {
    messages: known
      .filter((type) => answered.has(type) && (only === undefined || only === type))
      .flatMap((type) => linesOf(live, type, given)),
    timers: (only === undefined ? timersOf(live) : []).map((id) => ({ id, ...comingOf(tryTimer(live, id, given)) })),
    unanswered: known.filter((type) => !answered.has(type)),
  }
}

/** Those that its machine knows, in whichever state. */
export const typesOf = ({ snapshot }: Live): string[] =>
  (snapshot.machine as AnyStateMachine).events.map(String).filter((type) => !type.startsWith('xstate.'))

const comingOf = (trial: Trial): Coming => {
  const { live, outcome, changed, effects, timers, refusal } = trial
  return {
    outcome,
    status: statusOf(live),
    state: live.snapshot.value as StateValue,
    changed,
    effects,
    timers,
    refusal,
  }
}

interface Found {
  about: readonly string[]
  cases: readonly string[]
  message: Message
  coming: Coming
}

const linesOf = (live: Live, type: string, given: Given<unknown>): NextMessage[] => {
  const found = casesOf(live, type, given).map(({ key, about, message }): Found => {
    return { about, cases: [key], message, coming: comingOf(tryMessage(live, message, given)) }
  })
  return together(found).map(({ about, cases, message, coming }) => ({
    type,
    about: about.join(', '),
    cases,
    message,
    ...coming,
    heldBack: coming.outcome === 'taken' ? [] : heldBack(live, message, given),
  }))
}

/** Cases that fare alike become one line: the finest words are joined, or left out where they make no difference. */
const together = (found: readonly Found[]): Found[] => {
  let lines = [...found]
  for (let depth = Math.max(0, ...lines.map(({ about }) => about.length)); depth > 0; depth--)
    lines = joined(lines, depth)
  return lines
}

const joined = (lines: readonly Found[], depth: number): Found[] =>
  grouped(lines, ({ about }) => JSON.stringify(about.slice(0, depth - 1))).flatMap((group) => {
    const words = fineOf(group, depth).length
    return grouped(group, ({ about }) => JSON.stringify(about.slice(depth))).flatMap((ofRest) => {
      const alike = grouped(ofRest, (line) => fareOf(line, depth))
      const isSpare = alike.length === 1 && fineOf(ofRest, depth).length === words
      return alike.map((same) => merged(same, depth, isSpare))
    })
  })

/** What tells these apart at this depth. */
const fineOf = (lines: readonly Found[], depth: number): string[] => [
  ...new Set(lines.flatMap(({ about }) => about.slice(depth - 1, depth))),
]

const grouped = <T>(all: readonly T[], by: (one: T) => string): (readonly [T, ...T[]])[] => {
  const groups = new Map<string, [T, ...T[]]>()
  for (const one of all) {
    const group = groups.get(by(one))
    if (group === undefined) groups.set(by(one), [one])
    else group.push(one)
  }
  return [...groups.values()]
}

const merged = (same: readonly [Found, ...Found[]], depth: number, isSpare: boolean): Found => {
  const [first] = same
  const [coarse, rest] = [first.about.slice(0, depth - 1), first.about.slice(depth)]
  const fine = isSpare ? '' : fineOf(same, depth).join(' or ')
  const about = [...coarse, ...(fine === '' ? [] : [fine]), ...rest]
  return { ...first, about, cases: same.flatMap(({ cases }) => cases) }
}

/** What people tell apart: the state that it leads to, or the refusal. */
const fareOf = ({ about, coming: { outcome, state, refusal, changed } }: Found, depth: number): string =>
  JSON.stringify([outcome, state, refusal?.text, changed, about.length < depth])
