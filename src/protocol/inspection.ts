/**
 * What whoever looks into actors asks for and is shown. A sighting is one message that an actor took, with its state after it: what
 * travels over NATS while somebody watches, and what replay makes from the journal. Frames are what a sighting is for XState's tools.
 */
import { z } from 'zod'
import type { ActorKind } from './ids.ts'
import { inspectedActorsMax } from './limits.ts'

/** The version of @statelyai/inspect whose wire format the frames have. */
export const frameVersion = '0.7.2'

const idOrGlob = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9_*?-]+$/, 'is an id, or a glob of one: * stands for any characters, ? for one')

/** Which actors; all of the owner's when nothing is said. What has ended is among them only by an exact id, or by its directive. */
export const selection = z.object({
  actor: idOrGlob.optional().describe('an id, or a glob of one: * for any characters, ? for one'),
  directive: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[A-Za-z0-9_-]+$/, 'is the id of a directive')
    .optional()
    .describe('a directive with all its steps'),
  kind: z.enum(['directive', 'step', 'registry']).optional(),
})
export type Selection = z.infer<typeof selection>

/** `actors.list`. */
export const actorsQuery = selection.extend({
  after: z.string().max(200).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(inspectedActorsMax).default(100),
  definitions: z.boolean().default(false).describe('whether the answer brings the definitions of the machines'),
})

/** `actors.inspect`: opens a watch, renews it, or ends it before its time. */
export const inspectCommand = selection.extend({
  inspection: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'is 1 to 64 characters of A-Z a-z 0-9 _ -')
    .optional()
    .describe('the one that is renewed or ended; a new one when left out'),
  ends: z.boolean().default(false).describe('whether it is over: what a watcher says who leaves'),
})

/** `actors.history`. `fromVersion`, `toVersion`: of each actor, both included. */
export const historyQuery = selection.extend({
  fromVersion: z.int().min(1).optional(),
  toVersion: z.int().min(1).optional(),
  after: z.string().max(200).optional().describe('the `next` of the page before'),
  limit: z.int().min(1).max(500).default(500),
  definitions: z.boolean().default(false).describe('whether the answer brings the definitions of the machines'),
})
export type HistoryQuery = z.infer<typeof historyQuery>

/** Between nodes: `sys.all.inspect`, and what each thread says to it. */
export const inspectOrder = selection.extend({
  inspection: z.string(),
  owner: z.string(),
  /** Who is told that it is in effect. */
  observer: z.string(),
  /** 0 ends it. */
  leaseMs: z.number(),
})
export type InspectOrder = z.infer<typeof inspectOrder>
export const inspecting = z.object({ inspection: z.string(), thread: z.string() })

/** An actor's state as XState's tools show it. */
export interface ShownState {
  status: 'active'
  value: unknown
  context: unknown
  tags: readonly string[]
  children: Record<string, never>
  historyValue: Record<string, never>
}

interface Frame<Type extends string> {
  type: Type
  /** The actor's id, and its directive's: the same on every node and for ever. */
  sessionId: string
  rootId: string
  id: null
  /** Ms since 1970 as text. */
  createdAt: string
  _version: string
}

/** What Writ adds to a sighting; XState's tools pass it over. */
export interface SightingMore {
  /** The actor's version after the commit that took the message; which entry of that version it is, from 0, and of how many. */
  version: number
  entry: number
  entries: number
  /** Its place in the shard's history. */
  order: readonly [epoch: number, place: number]
  kind: ActorKind
  machine: string
  machineVersion: string
  /** Who told it: an actor's key, `person`, `daemon …`, `timer`, `begin`. */
  origin: string
  parentId: string | null
  sourceId: string | null
  status: string
  waiting: string | null
  /** How many states of this actor were left out before it, since the one that was shown last. */
  skipped?: number
  /** A list's: what the state is, whichever message brought it about. */
  listed?: true
}

export interface ActorFrame extends Frame<'@xstate.actor'> {
  name: string
  parentId: string | undefined
  definition: string | undefined
  snapshot: ShownState
}
export interface EventFrame extends Frame<'@xstate.event'> {
  event: { type: string }
  sourceId: string | undefined
}
export interface SnapshotFrame extends Frame<'@xstate.snapshot'> {
  event: { type: string }
  snapshot: ShownState
}
/** One message that an actor took: a snapshot's frame with all that the other frames are made of. */
export interface Sighting extends SnapshotFrame {
  writ: SightingMore
}
/** A word about what is not shown, for people. */
export interface NoticeFrame {
  type: '@writ.notice'
  text: string
}
export type InspectionFrame = ActorFrame | EventFrame | (SnapshotFrame & { writ?: SightingMore }) | NoticeFrame

/** What looking into actors asks of the nodes. */
export interface ActorsApi {
  list: (query: z.input<typeof actorsQuery>) => Promise<ActorsPage>
  inspect: (command: z.input<typeof inspectCommand>) => Promise<InspectionOpened>
  history: (query: z.input<typeof historyQuery>) => Promise<HistoryPage>
}

/** Definitions of machines, as JSON, by `<name>@<version>`. */
export type Definitions = Readonly<Record<string, string>>

export interface ActorsPage {
  sightings: readonly Sighting[]
  /** All that match. */
  total: number
  definitions: Definitions
  next: string | null
}
export interface HistoryPage {
  /** By actor, and of each in order; `writ.order` orders those of a directive and its steps among each other. */
  sightings: readonly Sighting[]
  /** Actors whose journals the machines of this build cannot follow, and why. */
  faults: readonly { id: string; why: string }[]
  definitions: Definitions
  next: string | null
}
export interface InspectionOpened {
  inspection: string
  leaseMs: number
  /** The threads that show what they take, and those that did not answer in time. */
  threads: readonly string[]
  silent: readonly string[]
}

const time = z.string().describe('ms since 1970')
const sighting = z.looseObject({
  type: z.literal('@xstate.snapshot'),
  event: z.looseObject({ type: z.string() }),
  snapshot: z.looseObject({ status: z.string(), value: z.unknown(), context: z.unknown(), tags: z.array(z.string()) }),
  sessionId: z.string().describe("the actor's id"),
  rootId: z.string().describe("its directive's id"),
  id: z.null(),
  createdAt: time,
  _version: z.string().describe('of @statelyai/inspect, whose wire format this is'),
  writ: z.looseObject({
    version: z.int().describe('of the actor, after the commit that took the message'),
    entry: z.int().describe('which message of that commit it is, from 0'),
    entries: z.int().describe('how many messages the actor took in that commit'),
    order: z.array(z.int()),
    kind: z.string(),
    machine: z.string(),
    machineVersion: z.string(),
    origin: z.string(),
    parentId: z.string().nullable(),
    sourceId: z.string().nullable(),
    status: z.string(),
    waiting: z.string().nullable(),
  }),
})
const typed = <T>(schema: z.ZodType): z.ZodType<T> => schema as z.ZodType<T>
const definitions = z
  .record(z.string(), z.string())
  .describe('definitions of machines as JSON, by name@version, where they were asked for')
const next = z.string().nullable().describe('what `after` takes for the next page')

/** `inspect.<directive>.<id>`. */
export const sightingMessage = typed<Sighting>(sighting)
export const actorsAnswer = typed<ActorsPage>(
  z.looseObject({ sightings: z.array(sighting), total: z.int(), definitions, next }),
)
export const historyAnswer = typed<HistoryPage>(
  z.looseObject({
    sightings: z.array(sighting),
    faults: z.array(z.looseObject({ id: z.string(), why: z.string() })),
    definitions,
    next,
  }),
)
export const inspectAnswer = typed<InspectionOpened>(
  z.looseObject({
    inspection: z.string(),
    leaseMs: z.int().describe('it is over after so many ms unless it is renewed'),
    threads: z.array(z.string()),
    silent: z.array(z.string()).describe('threads that did not answer in time'),
  }),
)

/** Whether an actor is among those selected. */
export const selects = ({
  actor,
  directive,
  kind,
}: Selection): ((id: string, root: string, of: ActorKind) => boolean) => {
  return (id, root, of) =>
    (kind === undefined || kind === of) &&
    (directive === undefined || directive === root) &&
    (actor === undefined || isOfGlob(actor, id))
}

/**
 * Whether a glob stands for that id. Threads ask it of all that their actors take, so it takes no longer for many stars, as a regular
 * expression that tries all ways would: what does not match goes back to the last star alone.
 */
const isOfGlob = (glob: string, id: string): boolean => {
  let [at, place, star, from] = [0, 0, -1, 0]
  while (place < id.length) {
    if (glob[at] === '*') {
      star = at++
      from = place
    } else if (glob[at] === '?' || glob[at] === id[place]) {
      at++
      place++
    } else if (star >= 0) {
      at = star + 1
      place = ++from
    } else return false
  }
  while (glob[at] === '*') at++
  return at === glob.length
}

/** The regular expression of a glob of ids, for Postgres: it tries no ways one after another. */
export const globPattern = (glob: string): RegExp => new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`)

/** The machine that an actor runs on, by which its definition is found: `<name>@<version>`. */
export const machineIn = ({ writ: { machine, machineVersion } }: Sighting): string => `${machine}@${machineVersion}`

/** A sighting's frames, in order. `begins`: the actor was not shown before, or not on that machine. */
export const framesOf = (sighting: Sighting, begins: boolean, definitions: Definitions): InspectionFrame[] => {
  const { writ, event, snapshot, ...common } = sighting
  const definition = definitions[machineIn(sighting)]
  const actor: ActorFrame = {
    ...common,
    type: '@xstate.actor',
    name: common.sessionId,
    parentId: writ.parentId ?? undefined,
    definition,
    snapshot,
  }
  if (writ.listed === true) return [actor]
  const told: EventFrame = { ...common, type: '@xstate.event', event, sourceId: writ.sourceId ?? undefined }
  return [...(begins ? [actor] : []), told, sighting]
}

/** Which of two places in one shard's history comes first. */
export const inOrder = (a: SightingMore['order'], b: SightingMore['order']): number => a[0] - b[0] || a[1] - b[1]
