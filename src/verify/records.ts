/** What belongs to a directive beside its actors: its chain and plan, its events, its timers and its mail. */
import type { DirectivePart, PlanColumns } from '../actors/ports/survey.ts'
import { type ActorKey, actorKey, kindOf, readKey, readStepId, shardOf } from '../protocol/ids.ts'
import { droppedEvent } from '../protocol/parked.ts'
import { grouped } from './grouped.ts'
import type { Scene } from './scene.ts'
import type { State } from './state.ts'
import type { Tell } from './tell.ts'

export const checkRecords = (scene: Scene, tell: Tell): void => {
  checkActors(scene, tell)
  checkChain(scene, tell)
  checkEvents(scene, tell)
  checkTimers(scene, tell)
  checkMail(scene, tell)
}

const checkActors = ({ part, key, actor }: Scene, tell: Tell): void => {
  if (actor(key) === undefined) tell('actor-missing', 'directives', key, 'a directive', 'its actor')
  for (const each of part.faulted)
    if (actor(each) === undefined) tell('actor-missing', 'faulted', each, 'a parked actor', 'an actor that is there')
  for (const row of part.actors) {
    const step = readStepId(row.id)
    const chain = part.chains.find(({ generation }) => generation === step?.generation)
    if (step !== null && (chain === undefined || step.index >= chain.steps))
      tell(
        'chain-differs',
        'actors',
        row.key,
        `step ${step.index} of chain ${step.generation}`,
        'a step of a chain that is there',
      )
  }
}

const checkChain = ({ part, key, state }: Scene, tell: Tell): void => {
  const plans = new Map(part.plans.map((plan) => [plan.hash, plan]))
  const { plan, steps } = part.directive
  if (plan !== null) checkPlan(plans.get(plan), { key, hash: plan, steps }, 'directives', tell)
  for (const { hash, steps: count, generation } of part.chains)
    checkPlan(plans.get(hash), { key: `${key} ${generation}`, hash, steps: count }, 'chains', tell)
  if (state?.directive == null) return
  const { chain, generations } = state.directive
  const row = part.chains.find(({ generation }) => generation === chain?.generation)
  const found = row === undefined ? 'none' : `${row.generation} ${row.hash} of ${row.steps} steps`
  const right = chain === null ? 'none' : `${chain.generation} ${chain.hash} of ${chain.steps} steps`
  if (found !== right) tell('chain-differs', 'chains', key, found, right)
  if (part.chains.length !== generations)
    tell('chain-differs', 'chains', key, `${part.chains.length} chains`, `${generations}`)
}

const checkPlan = (
  plan: PlanColumns | undefined,
  { key, hash, steps }: { key: string; hash: string; steps: number },
  table: string,
  tell: Tell,
): void => {
  if (plan === undefined) return tell('plan-incomplete', table, key, `the plan ${hash}`, 'a plan that is there')
  if (plan.complete && plan.steps === steps && plan.rows === steps) return
  const found = `${plan.rows} steps${plan.complete ? '' : ', not complete'}`
  tell('plan-incomplete', 'plans', hash, found, `the ${steps} steps of ${key}`)
}

/**
 * Numbered without a gap from the first that is kept; and of each type as many as the journals tell, when all were folded. No machine
 * tells of what a person drops.
 */
const checkEvents = ({ part, key, states }: Scene, tell: Tell): void => {
  const count = part.events.reduce((sum, each) => sum + each.count, 0)
  const { forgotten } = part.directive
  if (count !== part.lastEvent - forgotten)
    tell('event-gap', 'events', key, `${count} events`, `${part.lastEvent - forgotten}, as the last one says`)
  const told = toldBy(part, states)
  if (told === null) return
  const ofMachines = part.events.filter(({ type }) => type !== droppedEvent)
  const found = new Map(ofMachines.map((each) => [nameOf(each.step, each.type), each.count]))
  for (const name of new Set([...told.keys(), ...found.keys()])) {
    const [had, has] = [told.get(name) ?? 0, found.get(name) ?? 0]
    // Of those that were forgotten nobody knows any more which types they had.
    const isWrong = forgotten === 0 ? has !== had : has > had
    if (isWrong) tell('events-differ', 'events', `${key} ${name}`, `${has}`, `${had}, by the journals`)
  }
}

const nameOf = (step: number | null, type: string): string => (step === null ? type : `${type} of step ${step}`)

const toldBy = (part: DirectivePart, states: ReadonlyMap<ActorKey, State>): Map<string, number> | null => {
  const told = new Map<string, number>()
  for (const { key, id } of part.actors) {
    const folded = states.get(key)?.folded
    if (folded == null) return null
    const step = readStepId(id)?.index ?? null
    for (const [type, count] of folded.events) {
      const name = nameOf(step, type)
      told.set(name, (told.get(name) ?? 0) + count)
    }
  }
  return told
}

const checkTimers = (scene: Scene, tell: Tell): void => {
  const rowsOf = grouped(scene.part.timers, ({ key }) => key)
  for (const row of scene.part.timers)
    if (scene.actor(row.key) === undefined)
      tell('actor-missing', 'timers', `${row.key} ${row.id}`, 'a timer', 'an actor that is there')
  for (const [key, state] of scene.states) checkTimersOf(scene, key, state, rowsOf.get(key) ?? [], tell)
}

const checkTimersOf = (
  scene: Scene,
  key: ActorKey,
  { timers, folded }: State,
  rows: DirectivePart['timers'],
  tell: Tell,
): void => {
  const actor = scene.actor(key)
  for (const id of timers)
    if (!rows.some((row) => row.id === id)) tell('timer-missing', 'timers', `${key} ${id}`, 'nothing', 'a timer')
  for (const { id, generation, due, shard } of rows) {
    const name = `${key} ${id}`
    if (!timers.includes(id)) tell('timer-stray', 'timers', name, 'a timer', 'none: its actor does not wait for it')
    if (shard !== actor?.shard) tell('wrong-place', 'timers', name, `shard ${shard}`, `shard ${actor?.shard}`)
    const set = folded?.timers.get(id)
    if (set !== undefined && (set.version !== generation || set.due !== due))
      tell(
        'timer-differs',
        'timers',
        name,
        `due ${due}, set by version ${generation}`,
        `due ${set.due}, set by version ${set.version}`,
      )
    else if (generation < 1 || generation > (actor?.version ?? 0))
      tell('timer-differs', 'timers', name, `set by version ${generation}`, `by one of ${actor?.version ?? 0}`)
  }
}

const checkMail = (scene: Scene, tell: Tell): void => {
  for (const [at, { id, to, from, shard }] of scene.part.mail.entries()) {
    const name = `${id}`
    const { owner, id: receiver } = readKey(to)
    const right = shardOf(owner, receiver)
    if (scene.mail[at]?.type === null)
      tell('message-unreadable', 'messages', name, `a message to ${to}`, 'one with a type')
    if (shard !== right) tell('wrong-place', 'messages', name, `shard ${shard}`, `shard ${right}`)
    if (from.includes('/') && readKey(from as ActorKey).owner !== owner)
      tell('message-stray', 'messages', name, `from ${from} to ${to}`, 'one between actors of one owner')
    if (from !== 'stream' && !mayBe(scene, to))
      tell('message-stray', 'messages', name, `a message to ${to}`, 'one to an actor that is there')
  }
}

/** Steps and registries come to life by what they are first told. */
const mayBe = ({ part, actor }: Scene, to: ActorKey): boolean => {
  const { owner, id } = readKey(to)
  if (kindOf(id) === 'registry' || actor(to) !== undefined) return true
  const step = readStepId(id)
  if (step === null || actorKey(owner, step.directive) !== part.directive.key) return false
  return part.chains.some(({ generation, steps }) => generation === step.generation && step.index < steps)
}
