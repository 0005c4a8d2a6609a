/**
 * Follows one directive to its end: every event once and in order, and its tasks' output while it comes. A connection that
 * drops, or a node that is killed, is waited out: what was missed is fetched by its number, and only the directive ends it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { checkPayload, decode } from '../bus/json.ts'
import { subjects } from '../bus/subjects.ts'
import { outputLines, type EventLine } from '../protocol/commands.ts'
import { codes, WritError } from '../protocol/errors.ts'
import { directiveOf, readTaskId } from '../protocol/ids.ts'
import type { DirectiveView, StepLine } from '../protocol/views.ts'
import { exitOf } from './outcome.ts'
import type { Link } from './reach.ts'
import { interrupted, Interrupted } from './signals.ts'

export interface Listener {
  /** `step`: its name; null for the directive itself. */
  event?: (event: EventLine, step: string | null) => void
  output?: (text: string, step: string | null, task: string) => void
  /** The node does not answer; told once until it does again. */
  waiting?: (why: string) => void
  /** The directive as it is now: at first, and after what has happened since. */
  view?: (view: DirectiveView) => void
}

export interface FollowOptions extends Listener {
  /** Events up to this number are known already. */
  after?: number
  /** Of what has happened before only so many events are told. */
  last?: number
  signal: AbortSignal
}

const retryMs = 500
/** A view is asked for at most so often, however fast events come. In ms. */
const viewEveryMs = 500

/** Resolves with the directive once it has ended and all of its events were told. Throws Interrupted, NOT_FOUND. */
export const follow = async (link: Link, id: string, options: FollowOptions): Promise<DirectiveView> => {
  const { signal } = options
  const names = openNames()
  const output = options.output === undefined ? null : listenToOutput(link, id, names, options.output)
  const persistent = persisting(options)
  let known = options.after ?? 0
  const look = async (): Promise<DirectiveView> => {
    const glance = await persistent(() => link.api.glance(id))
    const view = options.view === undefined ? glance : await persistent(() => withUnderWay(link, glance))
    names.learn(view.stepList)
    options.view?.(view)
    return view
  }
  const ended = (view: DirectiveView): boolean => exitOf(view.status) !== null && known >= view.events
  const listen = async (first: DirectiveView): Promise<DirectiveView> => {
    let view = first
    let seen = performance.now()
    for await (const event of link.api.events(id, { after: known, signal })) {
      known = event.number
      if (!names.has(event.step ?? null)) names.learn((await link.api.directive(id)).stepList)
      if (performance.now() - seen > viewEveryMs || known >= view.events) {
        view = await look()
        seen = performance.now()
      }
      options.event?.(event, names.of(event.step ?? null))
      if (ended(view)) break
    }
    return view
  }
  try {
    for (;;) {
      const view = await look()
      if (options.last !== undefined) known = Math.max(known, view.events - options.last)
      if (ended(view)) return view
      const last = await persistent(() => listen(view))
      if (ended(last)) return last
    }
  } finally {
    await output?.close()
  }
}

/** The first page of a large plan may long have passed: what is going on is behind it. */
const withUnderWay = async ({ api }: Link, view: DirectiveView): Promise<DirectiveView> => {
  if (view.nextStep === null) return view
  const known = new Set(view.stepList.map(({ id }) => id))
  const more = (await api.underWay(view.id)).filter(({ id }) => !known.has(id))
  return { ...view, stepList: [...view.stepList, ...more] }
}

/** Tries again for ever what may succeed later. */
const persisting = ({ signal, waiting }: FollowOptions) => {
  let told = false
  const called = interrupted(signal)
  // Most calls are never interrupted; then nobody is there to hear of it.
  called.catch(() => undefined)
  return async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      if (signal.aborted) throw new Interrupted()
      try {
        const answer = await Promise.race([ask(), called])
        told = false
        return answer
      } catch (error) {
        if (!(error instanceof WritError) || !codes[error.code].retry) throw error
        if (!told) waiting?.(error.message)
        told = true
        await delay(retryMs)
      }
    }
  }
}

/** Steps' names by id, as the last view of the directive has them. */
interface Names {
  learn: (steps: readonly StepLine[]) => void
  has: (step: string | null) => boolean
  of: (step: string | null) => string | null
}

const openNames = (): Names => {
  const names = new Map<string, string>()
  return {
    learn: (steps) => {
      for (const { id, name } of steps) names.set(id, name)
    },
    has: (step) => step === null || names.has(step),
    of: (step) => (step === null ? null : (names.get(step) ?? step)),
  }
}

const listenToOutput = ({ bus, owner }: Link, id: string, names: Names, tell: NonNullable<Listener['output']>) => {
  const subscription = bus.subscribe(subjects.output.pattern({ owner }), {}, ({ subject, body }) => {
    const task = subjects.output.read(subject)?.task ?? ''
    if (directiveOf(task) !== id) return
    const actor = readTaskId(task)?.actor ?? id
    tell(checkPayload(outputLines, decode(body)).text, actor === id ? null : names.of(actor), task)
  })
  return { close: () => subscription.drain() }
}
