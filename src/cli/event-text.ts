/** A line of a directive's history, for people: time, step, what happened. One line each, so that a run can be read as it goes. */
import type { EventLine } from '../protocol/commands.ts'
import { indented, oneLine, type Colors } from './terminal.ts'
import { fit, padded, widthOf } from './width.ts'

/** Wide enough for usual names of steps; longer ones push their own line only. */
const nameWidth = 14
/** Of the time with the spaces on both sides of the name. */
const timeWidth = 12

/** `12:30:05  money           step evaluation failed: score 0.50; …`, cut to so many columns. */
export const eventText = (event: EventLine, step: string | null, paint: Colors, columns = Infinity): string => {
  const { type, severity, data, time } = event
  const what = `${type.replaceAll('_', ' ').replace(/^(directive|step) /, '')}${aboutData(data)}`
  const name = fit(nameOf(step), Math.max(nameWidth, columns / 3))
  const text = fit(oneLine(what), columns - widthOf(name) - timeWidth)
  const colored = { info: (plain: string) => plain, warn: paint.yellow, error: paint.red }[severity](text)
  return `${paint.dim(clock(time))}  ${paint.bold(name)}  ${colored}`
}

/** The output of a task, below the name of its step: dimmed, so that what Writ says stands out. */
export const outputText = (line: string, time: Date, step: string | null, paint: Colors): string =>
  `${paint.dim(clock(time))}  ${paint.dim(`${nameOf(step)}  │ ${indented(line)}`)}`

const nameOf = (step: string | null): string => padded(oneLine(step ?? 'directive'), nameWidth)

const clock = (time: string | Date): string => new Date(time).toTimeString().slice(0, 8)

/** Of an event's data what tells most; all of it is in `writ directive events --json`. */
const aboutData = (data: EventLine['data']): string => {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return ''
  const { overallScore, confidenceLevel, summaryFeedback, reason, attempt, maxRegenerations, files, round, daemon } =
    data
  const parts = [
    typeof overallScore === 'number' ? `score ${overallScore.toFixed(2)}` : null,
    typeof confidenceLevel === 'string' ? confidenceLevel : null,
    typeof attempt === 'number'
      ? `attempt ${attempt}${typeof maxRegenerations === 'number' ? ` of ${maxRegenerations + 1}` : ''}`
      : null,
    typeof round === 'number' && round > 1 ? `round ${round}` : null,
    typeof daemon === 'string' ? `on ${daemon}` : null,
    typeof reason === 'string' && reason !== '' ? reason : null,
    typeof summaryFeedback === 'string' && summaryFeedback !== '' ? summaryFeedback : null,
    Array.isArray(files) ? files.map(String).join(', ') : null,
  ].filter((part) => part !== null)
  return parts.length === 0 ? '' : `: ${parts.join('; ')}`
}
