/** Live progress of a directive: one line per event and per line of output, or one JSON value per line. */
import type { Context } from './context.ts'
import { eventText, outputText } from './event-text.ts'
import type { Listener } from './follow.ts'

/** Progress is a message: it goes to stderr, but for JSON, where it is the data. */
export const progress = ({ terminal, json, world, flags }: Context): Listener => {
  const { say, paintErr } = terminal
  const told = flags.verbose === true ? () => true : openFilter()
  if (json) {
    return {
      event: (event) => terminal.json({ event }),
      output: (text, step, task) => terminal.json({ output: { task, step, text } }),
      waiting: (why) => say(`… ${why}`),
    }
  }
  return {
    event: (event, step) => say(eventText(event, step, paintErr)),
    output: (text, step, task) => {
      const lines = text.split('\n').filter((line) => line.trim() !== '' && told(line, task))
      for (const line of lines) say(outputText(line, new Date(world.now()), step, paintErr))
    },
    waiting: (why) => say(paintErr.yellow(`… ${why}; waiting for a node`)),
  }
}

/**
 * What checks print (whole test runs) would bury everything else; which check passed is told by the executor's own lines.
 * What a failing one printed is in its evaluation, and all of it in the daemon's log.
 */
const openFilter = (): ((line: string, task: string) => boolean) => {
  const checking = new Set<string>()
  return (line, task) => {
    if (line.startsWith('writ: check ')) checking.add(task)
    return !checking.has(task) || line.startsWith('writ: ')
  }
}
