/** Commands of people and agents to directives, steps and tasks: each becomes a unit that tells the actor and answers with its state. */
import { statusOf } from '../machines/advance.ts'
import { isPaused } from '../machines/live.ts'
import type { DirectiveMessage } from '../machines/message.ts'
import type { Definition } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import {
  type ActorKey,
  actorKey,
  addressOf,
  chosenId,
  directiveOf,
  readKey,
  readTaskId,
  registryId,
} from '../protocol/ids.ts'
import { goneKeptMs } from '../protocol/limits.ts'
import { mendDirective, parkedError } from './parked.ts'
import { missing } from './removal.ts'
import { planReading, verdictReading } from './readings.ts'
import type { Turn } from './turn.ts'

/** What a command is answered with. */
export interface Brief {
  directive: { id: string; address: string; status: string; paused: boolean }
}

/** Replies in memory: many more than can be on their way to the store. */
const repliesMax = 10_000

/** Runs a command once: the same (owner, id) again has the same answer, for a day. */
export const once = async (
  turn: Turn,
  owner: string,
  command: string | undefined,
  run: () => Promise<object>,
): Promise<object> => {
  if (command === undefined) return run()
  const key = `${owner}/${command}`
  const { memory, store } = turn.host
  const known = memory.replies.get(key) ?? (await store.reply(owner, command))?.reply
  if (known !== undefined) return known
  const reply = await run()
  if (turn.refusal !== null) return reply
  memory.set(memory.replies, key, reply)
  const [oldest] = memory.replies.keys()
  if (memory.replies.size > repliesMax && oldest !== undefined) memory.replies.delete(oldest)
  turn.draft.replies.set(key, { owner, command, reply, at: turn.host.now() })
  return reply
}

const brief = async (turn: Turn, key: ActorKey): Promise<Brief> => {
  const resident = await turn.host.loader.actor(key)
  if (resident === null) throw await missing(turn.host.store, 'directive', key)
  if (resident.live === null) throw parkedError(resident)
  const { owner, id } = resident.row
  const { live } = resident
  return { directive: { id, address: addressOf(owner, id), status: statusOf(live), paused: isPaused(live) } }
}

export const mustBeThere = async (turn: Turn, owner: string, id: string): Promise<ActorKey> => {
  const key = actorKey(owner, id)
  if ((await turn.host.loader.actor(key)) === null) throw await missing(turn.host.store, 'directive', key)
  return key
}

/** Tells the directive, and answers with its status after all that followed within the commit. */
export const tellDirective = async (
  turn: Turn,
  owner: string,
  id: string,
  message: DirectiveMessage,
): Promise<Brief> => {
  const key = await mustBeThere(turn, owner, id)
  turn.tell(key, message, 'user')
  await turn.run()
  return brief(turn, key)
}

/** What is parked of a directive and its steps is tried again; nothing parked is nothing to do. */
export const mend = async (turn: Turn, owner: string, id: string): Promise<Brief> => {
  const key = await mustBeThere(turn, owner, id)
  const resident = await turn.host.loader.actor(key)
  // One whose machine is unknown comes back by itself, on a node that knows it.
  if (resident?.live === null) throw parkedError(resident)
  mendDirective(turn, key)
  await turn.run()
  return brief(turn, key)
}

export interface Create {
  definition: Definition
  content: string
  plan: { hash: string; steps: number } | null
}

/** Creating again with the same id and content answers with the directive that is there (R53). */
export const createDirective = async (
  turn: Turn,
  owner: string,
  id: string,
  { definition, content, plan }: Create,
): Promise<Brief> => {
  const key = actorKey(owner, chosenId('the directive id', id))
  const known = await turn.host.loader.directive(key)
  if (known !== null && known.content === content) return brief(turn, key)
  if (known !== null)
    throw new WritError('CONFLICT', `there is a directive ${id} already, with other content`, {
      hint: 'choose another id, or leave it out',
    })
  await refuseGone(turn, key)
  const at = turn.host.now()
  const { title } = definition
  const { memory } = turn.host
  memory.set(memory.directives, key, {
    key,
    owner,
    id,
    definition,
    title,
    content,
    readyPlan: plan,
    chain: null,
    events: 0,
    createdAt: at,
  })
  turn.draft.directives.push({
    key,
    owner,
    id,
    title,
    definition,
    content,
    plan: plan?.hash ?? null,
    steps: plan?.steps ?? 0,
    at,
  })
  await turn.create(key, memory.directives.get(key) ?? null)
  turn.post(actorKey(owner, registryId), { type: 'open', directive: key }, key)
  await turn.run()
  return brief(turn, key)
}

/** Branches, workspaces and reports of the one that was there have its id in their names. */
const refuseGone = async (turn: Turn, key: ActorKey): Promise<void> => {
  const { memory, store } = turn.host
  if (!memory.gone.has(key) && (await store.removedAt(key)) === null) return
  throw new WritError('GONE', `a directive ${readKey(key).id} was deleted not long ago`, {
    hint: `choose another id, or leave it out: it is free again ${goneKeptMs / 86_400_000} days after that`,
  })
}

export const submitPlan = async (turn: Turn, owner: string, id: string, plan: unknown): Promise<Brief> => {
  const facts = await turn.host.loader.directive(await mustBeThere(turn, owner, id))
  if (facts === null) throw await missing(turn.host.store, 'directive', actorKey(owner, id))
  const resident = await turn.host.loader.actor(facts.key)
  // The status is looked at first (R7, R8): a plan that comes at another time is not even parsed.
  const isAwaited = resident?.live != null && statusOf(resident.live) === 'planning'
  const reading = isAwaited ? await planReading(turn.host, facts, plan) : { faults: [] }
  return tellDirective(turn, owner, id, { type: 'plan', plan: reading })
}

export interface EndTask {
  outcome: 'done' | 'failed'
  result?: string | undefined
  reason?: string | undefined
  verdict?: unknown
  force?: boolean | undefined
  /** Only while this attempt is open. */
  attempt?: number | undefined
}

/** A person ends a task by hand. Throws NOT_FOUND, and REFUSED when the attempt that it names is over, before anything is told. */
export const endTask = async (turn: Turn, owner: string, task: string, end: EndTask): Promise<object> => {
  const { actor, number } = await whoseTask(turn, owner, task)
  const open = await turn.host.loader.attempt(directiveKey(owner, actor), owner, task)
  if (end.attempt !== undefined && open?.attempt !== end.attempt)
    throw new WritError('REFUSED', `attempt ${end.attempt} of task ${task} is over`, {
      hint: open === null ? 'what came of it is not waited for any more' : `attempt ${open.attempt} is under way`,
    })
  const readings = await readingsOf(turn, owner, task, end.verdict)
  turn.tell(
    actorKey(owner, actor),
    {
      type: 'task.end',
      number,
      outcome: end.outcome,
      result: end.result ?? null,
      reason: end.reason ?? 'ended by hand',
      force: end.force ?? false,
      manual: open !== null && open.inbox !== null,
      ...readings,
    },
    'user',
  )
  await turn.run()
  return { task: { id: task, address: addressOf(owner, task) } }
}

/** The contract is complete (R14, R27). */
export const completeContract = async (turn: Turn, owner: string, contract: string): Promise<object> => {
  const read = readTaskId(contract)
  if (read?.kind !== 'contract')
    throw await missing(turn.host.store, 'contract', actorKey(owner, contract), 'writ task list shows what there is')
  const task = contract.replace(/__c(\d+)$/, '__t$1')
  const { actor, number } = await whoseTask(turn, owner, task)
  const { inbox } = (await turn.host.loader.attempt(directiveKey(owner, actor), owner, task)) ?? { inbox: null }
  const readings = await readingsOf(turn, owner, task, undefined)
  const complete = { type: 'contract.complete', number, inside: false, manual: inbox !== null } as const
  turn.tell(actorKey(owner, actor), { ...complete, ...readings }, 'user')
  await turn.run()
  return { contract: { id: contract, address: addressOf(owner, contract) } }
}

const directiveKey = (owner: string, actor: string): ActorKey => actorKey(owner, directiveOf(actor))

const whoseTask = async (turn: Turn, owner: string, task: string): Promise<{ actor: string; number: number }> => {
  const read = readTaskId(task)
  if (read === null || (await turn.host.loader.task(owner, task)) === null)
    throw await missing(turn.host.store, 'task', actorKey(owner, task), 'writ task list shows what there is')
  return { actor: read.actor, number: read.number }
}

/** What the end of a task brings with it: an evaluator's verdict, a planner's plan. */
const readingsOf = async (turn: Turn, owner: string, id: string, inline: unknown): Promise<object> => {
  const task = await turn.host.loader.task(owner, id)
  if (task === null) return {}
  return verdictReading(turn.host, task, inline)
}
