/** What waits for what (`api.waiting.list`): every actor that has not ended, with who or what can end its waiting. */
import { z } from 'zod'
import { pageCountMax } from './commands.ts'
import type { Role } from './directive.ts'
import { isToken, type ActorKind } from './ids.ts'
import { nameCharsMax } from './limits.ts'

/** What is asked for; without anything, all of the owner. */
export const waitingQuery = z.object({
  olderSeconds: z.int().min(0).optional().describe('only what has waited for at least so long'),
  directive: z.string().refine(isToken, 'it is no id').optional().describe('only this directive and its steps'),
  kind: z.enum(['directive', 'step', 'registry']).optional().describe('only actors of this kind'),
  stuck: z
    .boolean()
    .default(false)
    .describe('only what is held, parked or lacks a daemon: nothing of it goes on before somebody does something'),
  after: z.string().max(nameCharsMax).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(pageCountMax).default(100),
})
export type WaitingQuery = z.output<typeof waitingQuery>

/** `timer`: nothing but its time. `steps`: those of its directive. `directive`: its own. */
export type Ender = 'person' | 'daemon' | 'timer' | 'steps' | 'directive'

/** Who can end a wait, beside the time that it has. */
export interface By {
  who: Ender
  /** Of the daemons, steps or the directive: the first of those that are known. A wait for a daemon with none lacks one. */
  names: readonly string[]
}

/** A few of many names tell enough. */
export const namedMax = 5

export interface SlotNeed {
  role: Role
  labels: Record<string, string>
  executor: string | null
}

/** An actor that has not ended, or is parked. Those that wait longest come first. */
export interface WaitLine {
  id: string
  address: string
  kind: ActorKind
  /** The directive's id; null for a registry. */
  directive: string | null
  /** The step's name; null for others. */
  step: string | null
  status: string
  /** Why it is parked: it waits for a person to mend it. */
  parked: string | null
  /** What is told of it beside that, such as why a step is held. */
  reason: string | null
  /** What it waits for, in words. */
  waiting: string
  since: string
  /** When something happens by itself: its first timer or the deadline of its attempt, whichever is first. Null: never. */
  until: string | null
  by: By
  /** The address of its open task. */
  task: string | null
  /** What a daemon must have for it, when it waits for a slot. */
  needs: SlotNeed | null
  /** The command that goes on from here. */
  next: string
}

/** `daemon builder`, `steps a, b`: in words for people. */
export const byWords = ({ who, names }: By): string => {
  if (who === 'daemon') return names.length === 0 ? 'a daemon that is not there' : manyOf('daemon', names)
  if (who === 'steps') return names.length === 0 ? 'its steps' : manyOf('step', names)
  if (who === 'directive') return names.length === 0 ? 'directives' : manyOf('directive', names)
  return who === 'timer' ? 'time alone' : 'a person'
}

const manyOf = (what: string, names: readonly string[]): string =>
  `${what}${names.length === 1 ? '' : 's'} ${names.join(', ')}`
