/** Slots from both sides: what waits for one, the grants that a directive holds and what it uses them for, and what its registry knows. */
import { requirementOf } from '../actors/desk.ts'
import type { HeldRow } from '../actors/ports/rows.ts'
import type { GrantRow } from '../actors/ports/registry-rows.ts'
import type { AttemptColumns, RegistryPart } from '../actors/ports/survey.ts'
import { roleOf } from '../machines/task.ts'
import { priorityOf } from '../protocol/directive.ts'
import { type ActorKey, actorKey } from '../protocol/ids.ts'
import { grouped } from './grouped.ts'
import type { Scene } from './scene.ts'
import type { Tell } from './tell.ts'

/** The grant is on its way to the directive, or it is asked whether it has it; or the word that it is gone is; on its way back. */
const coming: ReadonlySet<string> = new Set(['grant', 'grant.audit'])
const lost: ReadonlySet<string> = new Set(['grant.lost'])
const goingBack: ReadonlySet<string> = new Set(['release', 'holding'])

export const checkSlots = (scene: Scene, tell: Tell): void => {
  checkReady(scene, tell)
  checkHeld(scene, tell)
  checkGrants(scene, tell)
  checkUse(scene, tell)
  checkNeed(scene, tell)
}

const checkReady = ({ part, states, actor }: Scene, tell: Tell): void => {
  const rows = new Map(part.ready.map((row) => [row.actor, row]))
  for (const [key, { phase, task }] of states) {
    const row = rows.get(key)
    if (phase === 'queued' && task !== null && row === undefined)
      tell('ready-missing', 'ready', key, 'nothing', `a row: task ${task.number} waits for a slot`)
    if (row === undefined) continue
    if (phase !== 'queued' || task === null) {
      tell('ready-stray', 'ready', key, `task ${row.number} waits`, `none: its machine is ${phase ?? 'without a task'}`)
      continue
    }
    const role = roleOf[task.purpose]
    const right = { number: task.number, role, priority: priorityOf[role] }
    for (const name of ['number', 'role', 'priority'] as const)
      if (row[name] !== right[name]) tell('ready-stray', 'ready', key, `${name} ${row[name]}`, `${name} ${right[name]}`)
  }
  for (const { actor: key } of part.ready)
    if (actor(key) === undefined) tell('actor-missing', 'ready', key, 'a task that waits', 'an actor that is there')
}

/** What is held is granted, unless the word that it is lost is under way. */
const checkHeld = (scene: Scene, tell: Tell): void => {
  const { held, grants } = scene.part
  const granted = new Map(grants.map((row) => [row.id, row]))
  for (const row of held) {
    const key = `${row.directive} ${row.id}`
    const grant = granted.get(row.id)
    if (grant === undefined) {
      if (!scene.isUnderWay(lost, row.id) && !scene.isUnderWay(goingBack, row.id))
        tell('held-stray', 'held', key, 'a grant that is held', 'none: its registry knows of no such grant')
      continue
    }
    for (const name of ['number', 'daemon', 'session'] as const)
      if (row[name] !== grant[name])
        tell('held-stray', 'held', key, `${name} ${row[name]}`, `${name} ${grant[name]}, as it was granted`)
  }
}

/** What is granted is held, unless the grant is under way: there or back. */
const checkGrants = (scene: Scene, tell: Tell): void => {
  const held = new Set(scene.part.held.map(({ id }) => id))
  for (const { id, owner } of scene.part.grants) {
    if (held.has(id) || scene.isUnderWay(coming, id) || scene.isUnderWay(goingBack, id)) continue
    tell(
      'grant-stray',
      'grants',
      actorKey(owner, id),
      `a grant of ${scene.key}`,
      'none: that directive does not hold it',
    )
  }
}

/** A grant in use backs the open attempt that it is used for; an open attempt has its grant. */
const checkUse = (scene: Scene, tell: Tell): void => {
  const open = scene.part.attempts.filter(({ closedAt }) => closedAt === null)
  const byGrant = new Map(open.map((row) => [row.grant, row]))
  for (const row of scene.part.held) {
    const attempt = byGrant.get(row.id)
    if (row.actor !== null && (attempt?.actor !== row.actor || attempt.number !== row.task))
      tell(
        'held-stray',
        'held',
        `${row.directive} ${row.id}`,
        `used by task ${row.task} of ${row.actor}`,
        'free: no attempt is open on it',
      )
    if (row.actor === null && attempt !== undefined)
      tell('held-stray', 'held', `${row.directive} ${row.id}`, 'free', `used by ${attempt.actor}`)
    if (attempt !== undefined) checkDaemon(row, attempt, tell)
  }
  const held = new Set(scene.part.held.map(({ id }) => id))
  for (const row of open)
    if (!held.has(row.grant) && !scene.isExcused(row.actor))
      tell(
        'attempt-differs',
        'attempts',
        `${actorKey(row.owner, row.task)}/${row.attempt}`,
        `the grant ${row.grant}`,
        'one that its directive holds',
      )
}

/** An attempt runs where its grant is. */
const checkDaemon = (held: HeldRow, attempt: AttemptColumns, tell: Tell): void => {
  for (const name of ['daemon', 'session'] as const)
    if (attempt[name] !== held[name])
      tell(
        'attempt-differs',
        'attempts',
        `${actorKey(attempt.owner, attempt.task)}/${attempt.attempt}`,
        `${name} ${attempt[name]}`,
        `${name} ${held[name]}, as of its grant`,
      )
}

const isMerging = (held: readonly HeldRow[]): boolean => held.some(({ role }) => role === 'merger')

/** Who could not be opened where its desk was settled last; it is asked for as soon as this is taken. */
const looks = ({ mail }: Scene): ReadonlySet<ActorKey> =>
  new Set(mail.flatMap(({ type, to }) => (type === 'desk.look' ? [to] : [])))

/** A task that may begin is known to the registry, unless something is under way between the two: each settles the other. */
const checkNeed = (scene: Scene, tell: Tell): void => {
  const { part, state, registry, faulted } = scene
  if (state === null || faulted.has(scene.key)) return
  if (scene.mail.some(({ to, from }) => to === registry || from === registry)) return
  const looked = looks(scene)
  if (looked.has(scene.key)) return
  const known = new Set((part.need?.lines ?? []).filter(({ count }) => count > 0).map(requirementOf))
  for (const row of part.ready) {
    const may = (state.mayDispatch || (row.manual && state.ended)) && !faulted.has(row.actor) && !looked.has(row.actor)
    if (!may || (row.role === 'merger' && isMerging(part.held)) || known.has(requirementOf(row))) continue
    tell('need-missing', 'needs', scene.key, 'nothing', `a ${row.role} for ${row.actor}, which waits for a slot`)
  }
}

/** The registry's own tables: its grants are on its daemons, and no more than those have slots. */
export const checkRegistry = ({ owner, daemons, grants }: RegistryPart, tell: Tell): void => {
  const on = grouped(grants, ({ daemon }) => daemon)
  const known = new Map(daemons.map((row) => [row.name, row]))
  for (const row of grants) {
    const daemon = known.get(row.daemon)
    if (daemon?.session === row.session) continue
    const found = daemon === undefined ? `the daemon ${row.daemon}` : `the session ${row.session}`
    tell(
      'grant-stray',
      'grants',
      actorKey(owner, row.id),
      found,
      daemon === undefined ? 'one that is there' : daemon.session,
    )
  }
  for (const { name, slots, at } of daemons) {
    const count = countSince(on.get(name) ?? [], at)
    if (count > slots) tell('slots-exceeded', 'grants', actorKey(owner, name), `${count} grants`, `at most ${slots}`)
  }
}

/** A daemon may come back with fewer slots than it had: what was granted before stays until its tasks have ended. */
const countSince = (grants: readonly GrantRow[], at: number): number => grants.filter((grant) => grant.at >= at).length
