/** How much of a list goes into one answer, so that no answer is larger than a message may be, however long its lines are. */
import { answerBytesMax } from './limits.ts'

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
