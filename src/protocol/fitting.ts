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

/** How long a text may be, in characters, in a view that is too large: the first of these that makes it fit, else the last. */
const textChars = [64, 16, 4, 1].map((ki) => ki * 1024)

/** The view, its longest texts cut short (they end in `…` then) as far as it takes for all of it to go into one answer. */
export const shortened = <T>(view: T): T => {
  let shown = view
  for (const chars of textChars) {
    if (jsonBytes(shown) <= viewBytesMax) break
    shown = cut(view, chars) as T
  }
  return shown
}

const cut = (value: unknown, chars: number): unknown => {
  if (typeof value === 'string') return value.length > chars ? `${value.slice(0, chars)}…` : value
  if (Array.isArray(value)) return value.map((each) => cut(each, chars))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cut(each, chars)]))
}
