/** What `writ directive show --at` does: a directive with its steps as they were, also of one that ended long ago. */
import { WritError } from '../../protocol/errors.ts'
import type { PastDirective } from '../../protocol/looking.ts'
import { type Context, show } from '../context.ts'
import { directiveLines, type ShownDirective } from '../directive-text.ts'
import { wholeDirectiveIdOf } from '../names.ts'
import type { NodeApi } from '../node-api.ts'
import type { At } from './actor.ts'
import { momentOf } from './actor-verbs.ts'

export const showPast = async (context: Context, name: string | undefined, at: At): Promise<void> => {
  if (name === undefined)
    throw new WritError('BAD_INPUT', 'which directive?', { hint: 'name the one that is to be shown as it was' })
  const id = wholeDirectiveIdOf(name)
  const { api } = await context.link()
  const moment = momentOf(context, at)
  const past = await wholePast(api, id, moment)
  const { terminal, flagsText } = context
  show(context, past, () => {
    const then = typeof moment === 'number' ? past.time : moment
    terminal.print(
      terminal.rich ? terminal.paint.dim(`version ${past.version}, ${past.time}`) : `version\t${past.version}`,
    )
    directiveLines(shownOf(past), terminal, Date.parse(then)).forEach(terminal.print)
  })
  context.next(`writ actor journal ${id}${flagsText}`)
}

/** A large plan's steps come in pages. */
const wholePast = async (api: NodeApi, id: string, at: number | string): Promise<PastDirective> => {
  const look = api.actor(id)
  let past = await look.past({ at })
  while (past.nextStep !== null) {
    const page = await look.past({ at, from: past.nextStep })
    const stepList = [...past.stepList, ...page.stepList]
    past = { ...past, stepList, nextStep: page.nextStep, counts: sum(past.counts, page.counts) }
  }
  return past
}

type Counts = PastDirective['counts']

const sum = (one: Counts, other: Counts): Counts => {
  const all: Counts = { ...one }
  for (const [status, count] of Object.entries(other) as [keyof Counts, number][])
    all[status] = (all[status] ?? 0) + count
  return all
}

/** Who had its tasks then is not in its journal. */
const shownOf = (past: PastDirective): ShownDirective => ({
  ...past,
  parked: null,
  until: null,
  by: null,
  since: past.time,
  definition: { checks: [] },
  chain: past.generation === null ? null : { generation: past.generation },
  stepList: past.stepList.map((step) => ({ ...step, parked: null, until: null, by: null, task: null, daemon: null })),
})
