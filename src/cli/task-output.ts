/** What `writ task output` does: reads what an attempt wrote, part by part, from the daemon that keeps it. */
import { subjects } from '../bus/subjects.ts'
import { WritError } from '../protocol/errors.ts'
import type { OutputPart } from '../protocol/task.ts'
import type { Context } from './context.ts'
import type { Link } from './reach.ts'
import { aborted, Interrupted, interruptible } from './signals.ts'
import { severalLines } from './terminal.ts'

export interface OutputFlags {
  attempt?: number
  follow?: boolean
}

/** Looked again at least so often while nothing is heard: the end of an attempt writes nothing. In ms. */
const lookMs = 1000

/** Throws NOT_FOUND when nothing was written yet, or when the daemon that keeps it is away. */
export const printOutput = async (
  context: Context,
  id: string,
  { attempt, follow = false }: OutputFlags,
): Promise<void> => {
  const link = await context.link()
  const bell = follow ? openBell(link, id) : null
  try {
    await interruptible(async (signal) => {
      const stopped = aborted(signal)
      let part = await link.api.output(id, { offset: 0, ...(attempt === undefined ? {} : { attempt }) }).catch(notKept)
      tell(context, part, 0)
      while (part.next < part.total || (bell !== null && !part.ended)) {
        if (part.next >= part.total) await bell?.rung(stopped)
        if (signal.aborted) throw new Interrupted()
        const { attempt: same, next } = part
        part = await link.api.output(id, { attempt: same, offset: next })
        tell(context, part, next)
      }
    })
  } finally {
    await bell?.close()
  }
}

/** Nothing that was typed is to blame: a daemon need not know this order, and says so in its own words. */
const notKept = (error: unknown): never => {
  if (!(error instanceof WritError) || error.code !== 'BAD_INPUT') throw error
  throw new WritError('NOT_FOUND', `its daemon does not say what the task has written: ${error.message}`, {
    hint: 'daemons that are not `writ daemon` may keep no output; the result is in `writ task show --json`',
    cause: error,
  })
}

/** As it is in a pipe and as JSON; on a terminal nothing of it moves the cursor. */
const tell = ({ terminal, json }: Context, part: OutputPart, asked: number): void => {
  if (json) return terminal.json(part)
  if (part.offset > asked) terminal.say(`… ${part.offset - asked} bytes of the middle were not kept …`)
  terminal.out.write(terminal.rich ? severalLines(part.text) : part.text)
}

/** Live lines are only a sign that there is more to be read. */
const openBell = ({ bus, owner }: Link, task: string) => {
  let rings = 0
  let wake = (): void => undefined
  const subscription = bus.subscribe(subjects.output.pattern({ owner, task }), {}, () => {
    rings++
    wake()
  })
  return {
    rung: async (stopped: Promise<void>): Promise<void> => {
      if (rings > 0) return void (rings = 0)
      const heard = new Promise<void>((done) => {
        wake = done
      })
      const timer = setTimeout(() => wake(), lookMs)
      await Promise.race([heard, stopped])
      clearTimeout(timer)
      rings = 0
    },
    close: () => subscription.drain(),
  }
}
