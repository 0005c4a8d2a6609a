/** How much of a list goes into one answer, so that no answer is larger than a message may be, however long its lines are. */
import { answerBytesMax, viewBytesMax } from './limits.ts'

const encoder = new TextEncoder()

/** What a value takes as JSON, in bytes. */
export const jsonBytes = (value: unknown): number => encoder.encode(JSON.stringify(value)).length

/** As many of the first lines as there is room for, in bytes; `least` of them always: whoever turns the pages must get on. */
export const fitting = <T>(lines: readonly T[], { room = answerBytesMax, least = 1 } = {}): T[] => {
  let left = room
  const end = lines.findIndex((line, at) => {
    left -= jsonBytes(line) + 1
    return left < 0 && at >= least
  })
  return end === -1 ? [...lines] : lines.slice(0, end)
}

/**
 * How long a text may be, in characters, and a list of texts, in entries, in a view that is too large: the first of these that make it
 * fit, else the last.
 */
const cuts = [64, 16, 4, 1].map((ki) => ({ chars: ki * 1024, entries: ki * 128 }))
type Cut = (typeof cuts)[number]

/** The view, its longest texts and lists of texts cut short (they end in `…` then) as far as it takes for all of it to go into one answer. */
export const shortened = <T>(view: T): T => {
  let shown = view
  for (const to of cuts) {
    if (jsonBytes(shown) <= viewBytesMax) break
    shown = cut(view, to) as T
  }
  return shown
}

const cut = (value: unknown, to: Cut): unknown => {
  if (typeof value === 'string') return value.length > to.chars ? `${value.slice(0, to.chars)}…` : value
  if (Array.isArray(value)) return cutList(value, to).map((each) => cut(each, to))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cutField(key, cut(each, to), to)]))
}

/** An evaluator's results may be any JSON: what is too long in small parts is shown as text. */
const cutField = (key: string, value: unknown, to: Cut): unknown => {
  if (key !== 'criteriaResults' || typeof value === 'string') return value
  const text = JSON.stringify(value)
  return text.length > to.chars ? cut(text, to) : value
}

/** Records are left: whoever reads them takes none of them for a text. */
const cutList = (list: readonly unknown[], { entries }: Cut): readonly unknown[] =>
  list.length > entries && list.every((each) => typeof each === 'string')
    ? [...list.slice(0, entries), `${list.length - entries} more …`]
    : list
