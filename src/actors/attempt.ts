/** An attempt's rows over its life: opened on a grant, ordered to end, closed once; and what each does to the grant. */
import type { Effect } from '../machines/effect.ts'
import { type ActorKey, actorKey, directiveOf, readKey, taskId } from '../protocol/ids.ts'
import { WritError } from '../protocol/errors.ts'
import { commitOf, lineOf } from './facts.ts'
import { attemptKey } from './memory.ts'
import type { AttemptRow, HeldRow } from './ports/rows.ts'
import type { Origin } from './origin.ts'
import { release } from './settle.ts'
import { putTask } from './task-rows.ts'
import type { Turn } from './turn.ts'

type Of<K extends Effect['kind']> = Extract<Effect, { kind: K }>

/** The grant is taken, the task is `starting`; the spawn goes out after the commit. */
export const openAttempt = async (turn: Turn, origin: Origin, effect: Of<'spawn'>): Promise<void> => {
  const { key, owner, id, directive } = origin
  const { loader } = turn.host
  const desk = await loader.desk(directive.key)
  const held = desk.held.get(effect.grant)
  const task = await loader.task(owner, taskId(id, effect.number))
  if (held === undefined || task === null) throw new WritError('INTERNAL', `${key} spawns without a grant or a task`)
  const used: HeldRow = { ...held, actor: key, task: effect.number, role: effect.role, reuses: held.reuses + 1 }
  setHeld(turn, used)
  const row = await attemptRowOf(turn, origin, effect, held)
  putAttempt(turn, row)
  putTask(turn, { ...task, status: 'starting', daemon: held.daemon, attempt: effect.attempt })
  turn.draft.outgoing.push({ kind: 'spawn', attempt: row })
}

const attemptRowOf = async (turn: Turn, origin: Origin, effect: Of<'spawn'>, held: HeldRow): Promise<AttemptRow> => {
  const { key, owner, id, directive } = origin
  const at = turn.host.now()
  const line = lineOf(await turn.host.loader.actor(directive.key))
  const { role, number, attempt, nonce, grant, start } = effect
  return {
    owner,
    task: taskId(id, number),
    attempt,
    actor: key,
    directive: directive.key,
    shard: turn.host.memory.actors.get(key)?.row.shard ?? 0,
    role,
    number,
    nonce,
    grant,
    daemon: held.daemon,
    session: held.session,
    inbox: held.inbox,
    startCommit: await startOf(turn, origin, start, line, role),
    line,
    accepted: false,
    openedAt: at,
    deadline: at + effect.totalMs,
    closedAt: null,
    closed: null,
    reason: '',
    result: null,
    commit: null,
    asked: null,
    reported: null,
  }
}

/** A merge is given the step's own commit to merge into the line. */
const startOf = async (
  turn: Turn,
  { key, step }: Origin,
  start: Of<'spawn'>['start'],
  line: string | null,
  role: string,
): Promise<string | null> => {
  if (role === 'merger' && step !== null) return commitOf(await turn.host.loader.actor(key))
  if (start === 'line') return line
  return start === 'none' ? null : start.commit
}

export const orderAttempt = async (
  turn: Turn,
  { owner, id, directive }: Origin,
  verb: 'cancel' | 'finish',
  effect: Of<'stop'> | Of<'finish'>,
): Promise<void> => {
  await turn.host.loader.desk(directive.key)
  const prefix = actorKey(owner, `${id}__t`)
  for (const [key, attempt] of turn.host.memory.attempts)
    if (key.startsWith(prefix) && attempt.attempt === effect.attempt && attempt.nonce === effect.nonce)
      askAttempt(turn, attempt, verb)
}

/** Its daemon is told after the commit, and again by whoever holds the shard then, until the attempt is closed. */
export const askAttempt = (turn: Turn, attempt: AttemptRow, verb: 'cancel' | 'finish'): void => {
  const asked = attempt.asked === 'cancel' ? 'cancel' : verb
  const row = { ...attempt, asked }
  if (asked !== attempt.asked) putAttempt(turn, row)
  turn.draft.outgoing.push({ kind: 'order', attempt: row })
}

/** One that is closed stays known for a while: its daemon may ask again what became of its report. */
export const putAttempt = (turn: Turn, row: AttemptRow): void => {
  const { memory } = turn.host
  const key = actorKey(row.owner, row.task)
  if (row.closedAt === null) memory.set(memory.attempts, key, row)
  else {
    const { nonce, daemon, session, reported } = row
    memory.delete(memory.attempts, key)
    memory.set(memory.closed, attemptKey(row), { nonce, daemon, session, reported })
  }
  turn.draft.attempts.set(attemptKey(row), row)
}

/** People see the task running from now on, and a daemon that comes back without it has lost it. */
export const acceptAttempt = async (turn: Turn, actor: ActorKey, number: number): Promise<void> => {
  const { loader } = turn.host
  const { owner, id } = readKey(actor)
  const name = taskId(id, number)
  const row = await loader.attempt(actorKey(owner, directiveOf(id)), owner, name)
  if (row === null) return
  putAttempt(turn, { ...row, accepted: true })
  const task = await loader.task(owner, name)
  if (task !== null) putTask(turn, { ...task, status: 'running' })
}

/** The grant is free for the next task; a suspect one goes back, since nobody knows what its slot is doing. */
export const closeAttempt = async (
  turn: Turn,
  { key, owner, id, directive }: Origin,
  effect: Of<'closed'>,
): Promise<void> => {
  const { memory, loader } = turn.host
  const desk = await loader.desk(directive.key)
  const name = taskId(id, effect.number)
  const attempt = memory.attempts.get(actorKey(owner, name))
  if (attempt !== undefined && attempt.attempt === effect.attempt) {
    const { as: closed, reason, result, commit } = effect
    putAttempt(turn, { ...attempt, closed, reason, result, commit, closedAt: turn.host.now() })
  }
  const task = await loader.task(owner, name)
  if (task !== null) putTask(turn, { ...task, status: 'pending', reason: effect.reason })
  const held = desk.held.get(effect.grant)
  // A parked actor's grant was taken from it, and may back another's task by now.
  if (held?.actor !== key || held.task !== effect.number) return
  setHeld(turn, { ...held, actor: null, task: null, role: null })
  turn.desks.add(directive.key)
  if (effect.suspect || held.inbox !== null) await release(turn, directive.key, held.id, effect.suspect)
}

export const setHeld = (turn: Turn, row: HeldRow): void => {
  const desk = turn.host.memory.desks.get(row.directive)
  if (desk === undefined) return
  turn.host.memory.set(desk.held, row.id, row)
  turn.draft.setHeld(row.directive, row.id, row)
}
