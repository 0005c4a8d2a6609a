/** `writ top`: what nodes, threads and daemons do at this moment, live on a terminal. */
import { setTimeout as delay } from 'node:timers/promises'
import { WritError } from '../../protocol/errors.ts'
import { duration } from '../arguments.ts'
import type { Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { aborted, interruptible } from '../signals.ts'
import type { Looking, TopView } from '../top.ts'

interface TopFlags {
  once?: boolean
  interval?: number
}

const liveMs = 2000
/** Between the two looks of a snapshot, which somebody waits for. */
const onceMs = 1000

const notes = `
On a terminal it is drawn anew at every interval until Ctrl-C. Into a pipe, or with --once, it is one snapshot: tab-separated lines that
begin with what they are. With --json it is one object a line at every interval until Ctrl-C, and with --once just one. Rates are of the
interval. Directives, messages, needs, grants and daemons are the owner's own; nodes and threads are everybody's.`

export const top: Declare = (command, context) => {
  command
    .option('--once', 'look once, and end')
    .option('--interval <span>', 'how often to look: every 2 s; for a snapshot twice, 1 s apart', duration)
    .addHelpText('after', notes)
    .action(async (flags: TopFlags) => run(context(), flags))
  examples(command, ['writ top --once', 'writ top --once --json', 'writ top'])
}

const run = async (context: Context, { once = false, interval }: TopFlags): Promise<void> => {
  const { openTop } = await import('../top.ts')
  const { terminal, world, json } = context
  const looking = openTop(await context.link(), world.now)
  if (!once && (json || terminal.rich)) return goOn(context, looking, interval ?? liveMs)
  const view = await snapshot(looking, interval ?? onceMs)
  if (json) return terminal.json(view)
  const { plainTop } = await import('../top-plain.ts')
  const { topLines } = await import('../top-text.ts')
  const whole = { columns: terminal.columns, rows: Infinity }
  for (const line of terminal.rich ? topLines(view, terminal, whole) : plainTop(view)) terminal.print(line)
}

/** Throws NO_ANSWER when there is nobody to ask. */
const snapshot = async (looking: Looking, betweenMs: number): Promise<TopView> => {
  const first = await looking.look()
  if (first.threads.length === 0 && first.figures === null)
    throw new WritError('NO_ANSWER', 'no node answers', { hint: 'is a node running? see `writ up`' })
  await delay(betweenMs)
  return looking.look()
}

/** Until Ctrl-C, which is how it ends. */
const goOn = (context: Context, looking: Looking, interval: number): Promise<void> =>
  interruptible(async (signal) => {
    const over = aborted(signal)
    const shown = context.json ? printing(context) : await drawing(context)
    try {
      while (!signal.aborted) {
        const next = delay(interval, undefined, { ref: false })
        const view = await Promise.race([looking.look(), over])
        if (view !== undefined) shown.show(view)
        await Promise.race([next, over])
      }
    } finally {
      shown.close()
    }
  })

interface Shown {
  show: (view: TopView) => void
  close: () => void
}

const printing = ({ terminal }: Context): Shown => ({ show: terminal.json, close: () => undefined })

const drawing = async ({ terminal }: Context): Promise<Shown> => {
  const { openPicture } = await import('../live-picture.ts')
  const { topLines } = await import('../top-text.ts')
  let last: TopView | null = null
  const picture = openPicture(terminal, (size) => (last === null ? null : topLines(last, terminal, size)))
  return {
    show: (view) => {
      last = view
      picture.redraw()
    },
    close: picture.close,
  }
}
