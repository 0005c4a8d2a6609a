/**
 * The messages of one type that a state tells apart: of its open attempt or of another, with a verdict of passed or of not
 * passed, of a step that its plan has or not. All messages of one case fare alike.
 */
import { splitsOf } from './case-splits.ts'
import type { Option, Read, Split } from './split.ts'
import { laidIn, type Live } from './advance.ts'
import type { Given } from './given.ts'
import type { Message } from './message.ts'

export interface Case {
  /** Which one: unique within the type. */
  key: string
  /** Which messages these are, in words, from coarse to fine. */
  about: readonly string[]
  /** One of them. */
  message: Message
}

/** The fields that messages of a type always have, where no split gives them. */
const bases: Readonly<Record<string, object>> = {
  'task.done': { result: null, commit: null },
  'task.end': { outcome: 'done', result: null, reason: 'ended by hand', force: false, manual: false },
  'contract.complete': { inside: false, manual: false },
  rework: { feedback: 'why' },
  'step.ready': { index: 0 },
  'step.passed': { index: 0 },
  'step.unpassed': { index: 0 },
  'step.stopped': { index: 0 },
  'step.failed': { name: 'a step', reason: 'why' },
  'dependent.begun': { index: 0 },
}

const ways = ([split, ...more]: readonly Split[]): Option[][] =>
  split === undefined
    ? [[]]
    : split.options.flatMap((option) => (option.ends ? [[option]] : ways(more).map((way) => [option, ...way])))

/** Every case of the type in this state. */
export const casesOf = (live: Live, type: string, given: Given<unknown>): Case[] =>
  ways(splitsOf({ snapshot: laidIn(live, given) }, type)).flatMap((way) => {
    const message = Object.assign({ type }, bases[type], ...way.map(({ fields }) => fields)) as object as Message
    const key = way.map((option) => option.key).join(', ')
    const about = way.flatMap(({ words }) => (words === '' ? [] : [words]))
    // A combination that no message can have is not one.
    return caseOf(live, message, given) === key ? [{ key, about, message }] : []
  })

/** The case that a message belongs to. */
export const caseOf = (live: Live, message: Message, given: Given<unknown>): string => {
  const keys: string[] = []
  for (const { of, options } of splitsOf({ snapshot: laidIn(live, given) }, message.type)) {
    const key = of(message as object as Read)
    keys.push(key)
    if (options.find((option) => option.key === key)?.ends === true) break
  }
  return keys.join(', ')
}
