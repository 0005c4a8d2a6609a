/** What `writ inspect` does: selects actors, and shows their frames as lines for people, as JSON, or in Stately's page. */
import { WritClient } from '../bus/client.ts'
import { WritError } from '../protocol/errors.ts'
import { directiveOf, isToken, readStepId, registryId } from '../protocol/ids.ts'
import type { InspectionFrame, Selection } from '../protocol/inspection.ts'
import { inspectionDeadlineMs } from '../protocol/limits.ts'
import { present } from '../protocol/present.ts'
import type { Context } from './context.ts'
import { FrameText } from './frame-text.ts'
import { inspectorUrl } from './inspector-url.ts'
import { idOf, stepIdOf } from './names.ts'
import { foldersOf, type Link } from './reach.ts'
import { Interrupted, interruptible } from './signals.ts'

export interface InspectFlags {
  kind?: 'directive' | 'step' | 'registry'
  replay?: boolean
  from?: number
  to?: number
  speed?: number
  coalesce: number
  max?: number
  url?: boolean
  stately?: string | true
}

/** Shows frames until the directive that was named has ended, a replay is over, or the person has seen enough. */
export const inspect = async (context: Context, what: string | undefined, flags: InspectFlags): Promise<void> => {
  refuseMixed(flags)
  const selection = await selectionOf(context, what, flags)
  if (flags.url === true) return printUrl(context, selection, flags)
  const link = await context.link()
  if (flags.stately !== undefined) {
    const { serveStately } = await import('./stately.ts')
    return serveStately(context, flags.stately, (take, signal) => watchWith(link, selection, flags, take, signal))
  }
  const end = new AbortController()
  const text = new FrameText(context.terminal, namesOf(link))
  const take = (frame: InspectionFrame): void => {
    if (context.json) context.terminal.json(frame)
    else text.take(frame)
    if (flags.replay !== true && hasEnded(frame, selection)) end.abort()
  }
  await interruptible(async (called) => {
    await watchWith(link, selection, flags, take, AbortSignal.any([called, end.signal]))
    await text.end()
    if (called.aborted) throw new Interrupted()
  })
  if (end.signal.aborted && !context.json && text.lines === 0)
    context.next(`writ inspect ${what ?? ''} --replay${context.flagsText}`)
}

const refuseMixed = ({ replay, from, to, speed, url, stately }: InspectFlags): void => {
  const spans = Object.entries({ '--from': from, '--to': to, '--speed': speed })
  const alone = spans.find(([, value]) => value !== undefined)
  if (replay !== true && alone !== undefined)
    throw new WritError('BAD_INPUT', `${alone[0]} is of a replay`, { hint: 'add --replay' })
  if (url === true && stately !== undefined)
    throw new WritError('BAD_INPUT', '--url and --stately are two things', { hint: 'leave one of them out' })
}

const watchWith = (
  link: Link,
  selection: Selection,
  { replay, from: fromVersion, to: toVersion, speed, coalesce: coalesceMs, max }: InspectFlags,
  take: (frame: InspectionFrame) => void,
  signal: AbortSignal,
): Promise<void> => {
  const client = new WritClient(link.bus, link.owner, { deadlineMs: inspectionDeadlineMs })
  if (replay !== true) return client.inspect({ selection, coalesceMs, take, signal, ...present({ max }) })
  return client.replay({ selection, take, signal, ...present({ fromVersion, toVersion, speed }) })
}

/** A directive stands for itself with its steps. */
const selectionOf = async (context: Context, what: string | undefined, { kind }: InspectFlags): Promise<Selection> => {
  const ofKind = kind === undefined ? {} : { kind }
  if (what === undefined) return ofKind
  if (what === 'registry') return { actor: registryId, ...ofKind }
  if (/[*?]/.test(what)) return { actor: globOf(what), ...ofKind }
  if (what.includes('/')) {
    const { api } = await context.link()
    return { actor: await stepIdOf(what, api.directive), ...ofKind }
  }
  const id = idOf('directive, step', what)
  return { ...(id === directiveOf(id) ? { directive: id } : { actor: id }), ...ofKind }
}

const globOf = (text: string): string => {
  if (isToken(text.replaceAll(/[*?]/g, 'x'))) return text
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} is no glob of ids`, {
    hint: 'ids have A-Z a-z 0-9 _ -; * stands for any characters, ? for one',
  })
}

const printUrl = (context: Context, selection: Selection, flags: InspectFlags): void => {
  const { owner } = context.settings()
  const { replay, from, to, speed, max, coalesce } = flags
  const more = { replay: replay === true ? '1' : undefined, from, to, speed, max, coalesce }
  const url = inspectorUrl(foldersOf(context.settings()), owner, { ...selection, ...more })
  if (context.json) context.terminal.json({ url })
  else context.terminal.print(url)
}

/** The directive that was asked for, alone or as the root of its steps, has come to its end. */
const hasEnded = (frame: InspectionFrame, { directive }: Selection): boolean =>
  (frame.type === '@xstate.snapshot' || frame.type === '@xstate.actor') &&
  frame.sessionId === directive &&
  frame.snapshot.tags.includes('ended')

/** What people call a step: its name, once its directive was asked for it. */
const namesOf = ({ api }: Link): ((root: string, id: string) => Promise<string>) => {
  const known = new Map<string, Promise<ReadonlyMap<string, string>>>()
  const ask = async (root: string): Promise<ReadonlyMap<string, string>> => {
    const { stepList } = await api.directive(root)
    return new Map(stepList.map((step) => [step.id, step.name]))
  }
  return async (root, id) => {
    if (readStepId(id) === null) return id
    if (!known.has(root))
      known.set(
        root,
        ask(root).catch(() => new Map()),
      )
    return `${root}/${(await known.get(root))?.get(id) ?? id.slice(root.length + 2)}`
  }
}
