/** What a registry tells a directive's desk: it changes which grants the desk holds, and through lost ones the tasks on them. */
import { actorKey, type ActorKey, readKey, registryId } from '../protocol/ids.ts'
import { acceptMs } from '../protocol/limits.ts'
import { droppedEvent } from '../protocol/parked.ts'
import { recordFor } from './apply.ts'
import { askAttempt, setHeld } from './attempt.ts'
import type { AttemptRow } from './ports/rows.ts'
import type { FromRegistry, GrantOffer } from './granting.ts'
import type { ToRegistry } from './settle.ts'
import type { Turn } from './turn.ts'

/** Messages to directives that are for their desks: no machine takes them. */
export const deskTypes: ReadonlySet<string> = new Set([
  'grant',
  'grant.recall',
  'grant.lost',
  'grant.audit',
  'daemon.back',
  'desk.look',
])

type Back = Extract<FromRegistry, { type: 'daemon.back' }>

export const takeFromRegistry = async (turn: Turn, directive: ActorKey, message: FromRegistry): Promise<void> => {
  if ((await turn.host.loader.directive(directive)) === null) return giveBack(turn, directive, message)
  const desk = await turn.host.loader.desk(directive)
  turn.desks.add(directive)
  switch (message.type) {
    case 'grant':
      return message.late ? returnGrant(turn, directive, message.grant) : takeGrant(turn, directive, message.grant)
    case 'grant.recall': {
      const held = desk.held.get(message.id)
      return held === undefined ? undefined : setHeld(turn, { ...held, recalled: true })
    }
    case 'grant.lost':
      return loseGrant(turn, directive, message.id, message.reason)
    case 'grant.audit':
      return answerAudit(turn, directive, message.grants)
    case 'daemon.back':
      return loseMissing(turn, directive, message)
    case 'desk.look':
      return message.dropped === undefined && message.anew !== true ? undefined : tellAgain(turn, directive, message)
  }
}

/** A directive that is removed holds nothing. */
const giveBack = (turn: Turn, directive: ActorKey, message: FromRegistry): void => {
  const unknown = message.type === 'grant' ? [message.grant.id] : message.type === 'grant.audit' ? message.grants : []
  const answer: ToRegistry = { type: 'holding', directive, unknown: [...unknown] }
  if (unknown.length > 0) turn.post(actorKey(readKey(directive).owner, registryId), answer, directive)
}

type Look = Extract<FromRegistry, { type: 'desk.look' }>

/** What the registry was told last never came to it. */
const tellAgain = async (turn: Turn, directive: ActorKey, { dropped: data }: Look): Promise<void> => {
  await turn.host.loader.directive(directive)
  if (data !== undefined) recordFor(turn, directive, { type: droppedEvent, severity: 'warn', source: 'user', data })
  const desk = await turn.host.loader.desk(directive)
  turn.host.memory.set(turn.host.memory.desks, directive, { ...desk, told: null })
}

const takeGrant = async (turn: Turn, directive: ActorKey, offer: GrantOffer): Promise<void> => {
  const { requirement, ...grant } = offer
  const desk = await turn.host.loader.desk(directive)
  setHeld(turn, { ...grant, directive, reuses: 0, recalled: false, actor: null, task: null, role: null })
  const told = desk.told === null ? null : new Map(desk.told)
  told?.set(requirement, Math.max(0, (told.get(requirement) ?? 0) - 1))
  const { memory } = turn.host
  memory.set(memory.desks, directive, { ...desk, told, seen: Math.max(desk.seen, grant.number) })
}

/** Its registry may have decided about it meanwhile, or it is dropped: it goes back, and what it was for is asked for anew. */
const returnGrant = async (turn: Turn, directive: ActorKey, { id }: GrantOffer): Promise<void> => {
  const { memory, loader } = turn.host
  const message: ToRegistry = { type: 'release', directive, grants: [{ id, suspect: false, unspent: true }] }
  turn.post(actorKey(readKey(directive).owner, registryId), message, directive)
  memory.set(memory.desks, directive, { ...(await loader.desk(directive)), told: null })
}

const attemptsOf = (turn: Turn, directive: ActorKey, on: (attempt: AttemptRow) => boolean): AttemptRow[] =>
  [...turn.host.memory.attempts.values()].filter((attempt) => attempt.directive === directive && on(attempt))

/** The attempt on it is given up (R43); the grant is gone already, so nothing goes back. */
const loseGrant = async (turn: Turn, directive: ActorKey, id: string, reason: string): Promise<void> => {
  const desk = await turn.host.loader.desk(directive)
  for (const attempt of attemptsOf(turn, directive, ({ grant }) => grant === id)) lose(turn, attempt, reason)
  await turn.drain()
  if (!desk.held.has(id)) return
  turn.host.memory.delete(desk.held, id)
  turn.draft.setHeld(directive, id, null)
}

const lose = (turn: Turn, { actor, attempt, nonce }: AttemptRow, reason: string): void =>
  turn.tell(actor, { type: 'task.lost', attempt, nonce, why: 'daemon', reason }, 'registry')

/**
 * A daemon that came back without an attempt that it had accepted has lost it. Not one that it may have accepted since it
 * said so: that is left to the watch. Should it run all the same (its spawn was sent again after a move), it is told to stop.
 */
const loseMissing = async (turn: Turn, directive: ActorKey, { daemon, running, heardAt }: Back): Promise<void> => {
  await turn.host.loader.desk(directive)
  // Each of them hears it for itself, when it stands apart.
  turn.took()
  const lost = ({ daemon: on, accepted, openedAt, task, attempt }: AttemptRow): boolean =>
    on === daemon && accepted && openedAt < heardAt - acceptMs && !running.includes(`${task}/${attempt}`)
  for (const attempt of attemptsOf(turn, directive, lost)) {
    askAttempt(turn, attempt, 'cancel')
    lose(turn, attempt, `the daemon ${daemon} came back without it`)
  }
}

const answerAudit = async (turn: Turn, directive: ActorKey, grants: readonly string[]): Promise<void> => {
  const desk = await turn.host.loader.desk(directive)
  const unknown = grants.filter((id) => !desk.held.has(id))
  if (unknown.length === 0) return
  const { owner } = readKey(directive)
  const message: ToRegistry = { type: 'holding', directive, unknown }
  turn.post(actorKey(owner, registryId), message, directive)
  // They may have counted as on their way to what is lacking, since these were told.
  turn.host.memory.set(turn.host.memory.desks, directive, { ...desk, told: null })
}
