/** What the database refuses to one is refused to that one alone: it is parked, and all others go on. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { pack } from '../../src/actors/codec.ts'
import { park } from '../../src/actors/parked.ts'
import type { Clock } from '../../src/actors/ports/clock.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { unitOf } from '../../src/actors/unit.ts'
import { actorKey, registryId, shardOf, stepId } from '../../src/protocol/ids.ts'
import { parkTriesMax, sweepMs } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf, planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
let world: World
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(async () => {
  await test.start()
  world = await test.world()
})
afterEach(() => allow())
afterAll(() => test.stop())

/** The database takes no row of these steps. */
const refuse = (id: string, ...indexes: number[]) => refuseAs('23514', id, ...indexes)
const refuseAs = (state: string, id: string, ...indexes: number[]) =>
  test.sql.unsafe(`
    create function public.refuse_step() returns trigger language plpgsql as $$ begin
      if new.key in (${indexes.map((index) => `'${actorKey(world.owner, stepId(id, 1, index))}'`).join()}) then raise exception 'no' using errcode = '${state}'; end if;
      return new;
    end $$;
    create trigger refuse_step before insert or update on writ.actors for each row execute function public.refuse_step()`)
const allow = () => test.sql.unsafe('drop function if exists public.refuse_step cascade')

/** What is parked, once it is so much. Mailboxes are looked into without waiting for the next sweep. */
const parkedLines = async (count: number) => {
  const lines = async () => {
    test.engine.mailbox.look(test.engine.holder.shards)
    return (await world.client.parked.list()).lines
  }
  await expect.poll(async () => (await lines()).length, { timeout: 20_000 }).toBe(count)
  return lines()
}
const parkedLine = async () => (await parkedLines(1))[0] ?? expect.unreachable()

it('R45 R46: a report counts though what follows from it cannot be committed; that alone is parked, and goes on later', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ evaluate: false, plan: chainOf(2) })
  const first = await daemon.spawned('worker s0')
  await refuse(id, 1)
  expect(await daemon.done(first)).toMatchObject({ counted: true })
  const line = await parkedLine()
  expect(line).toMatchObject({ kind: 'message', actor: { id: stepId(id, 1, 1) } })
  await allow()
  await world.client.parked.retry({ id: line.id })
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
})

it('R41 R45: a report counts though the step that gets its slot cannot be committed; that step is parked, and goes on later', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  const first = await daemon.spawned('worker a')
  await refuse(id, 1)
  expect(await daemon.done(first)).toMatchObject({ counted: true })
  const line = await parkedLine()
  expect(line).toMatchObject({ kind: 'step', id: stepId(id, 1, 1), reason: expect.stringContaining('no') as string })
  await allow()
  await world.client.parked.retry({ id: line.id })
  await daemon.done(await daemon.spawned('worker b'))
  await world.until(id, 'directive_completed')
})

it('R45: a step is parked of which no report can be committed, and its slot serves another; what it did counts once it is tried again', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const spawn = await daemon.spawned('worker a')
  await refuse(id, 0)
  for (let tried = 0; tried < parkTriesMax; tried++)
    expect(await refusal(daemon.done(spawn))).toMatchObject({ code: 'INTERNAL' })
  const line = await parkedLine()
  expect(line).toMatchObject({ kind: 'step', id: stepId(id, 1, 0) })
  await world.start({ evaluate: false, plan: planOf({ x: [] }) })
  expect(await daemon.done(spawn)).toMatchObject({ counted: true })
  await daemon.spawned('worker x')
  await allow()
  await world.client.parked.retry({ id: line.id })
  await world.until(id, 'directive_completed')
})

it('R41: steps that cannot be committed are parked, each as often as it was tried itself, and keep no slot from others', async () => {
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [], c: [] }) })
  await refuse(id, 0, 1)
  const tries = new Map<string, number>()
  const store = test.engine.host.store as { commit: Store['commit'] }
  const { commit } = store
  onTestFinished(() => void (store.commit = commit))
  store.commit = (thread, changes) => {
    const [first, ...others] = changes.actors ?? []
    if (first !== undefined && others.length === 0) tries.set(first.id, (tries.get(first.id) ?? 0) + 1)
    return commit.call(store, thread, changes)
  }
  const daemon = await world.daemon('d', { work: () => null })
  const other = await world.start({ evaluate: false, plan: planOf({ x: [] }) })
  const worker = await daemon.spawned('worker c')
  await daemon.done(worker)
  const last = await daemon.spawned('worker x')
  expect([worker.directive.id, last.directive.id]).toEqual([id, other])
  const lines = await parkedLines(2)
  const steps = [stepId(id, 1, 0), stepId(id, 1, 1)]
  expect(lines.map((line) => line.id).toSorted()).toEqual(steps)
  for (const step of steps) expect(tries.get(step)).toBeGreaterThanOrEqual(parkTriesMax)
  await allow()
  await daemon.done(last)
  for (const line of lines) await world.client.parked.retry({ id: line.id })
  await daemon.done(await daemon.spawned('worker a'))
  await daemon.done(await daemon.spawned('worker b'))
  await world.until(id, 'directive_completed')
})

it('R41: the slot of a parked directive goes back though what follows from its report cannot be committed', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ evaluate: false, plan: chainOf(2) })
  const first = await daemon.spawned('worker s0')
  await refuse(id, 1)
  const key = actorKey(world.owner, id)
  const parking = unitOf(shardOf(world.owner, id), 'parking', async (turn) => {
    await turn.host.loader.actors([key])
    await park(turn, key, 'a fault')
    return {}
  })
  test.engine.loop.push(parking)
  await parkedLine()
  await world.start({ evaluate: false, plan: planOf({ x: [] }) })
  expect(await daemon.done(first)).toMatchObject({ counted: true })
  await daemon.spawned('worker x')
})

it('R43: what a daemon came back without is lost, each for itself, though one of it cannot be committed', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null, slots: 2 })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  await Promise.all([daemon.spawned('worker a'), daemon.spawned('worker b')])
  const accepted = () => test.sql`select from writ.attempts where accepted and owner = ${world.owner}`
  await expect.poll(async () => (await accepted()).length, { timeout: 20_000 }).toBe(2)
  await refuse(id, 0)
  const { owner } = world
  const back = pack({ type: 'daemon.back', daemon: 'd', running: [], heardAt: Date.now() + 600_000 })
  await test.sql`
    insert into writ.messages (shard, "to", "from", body)
    values (${shardOf(owner, id)}, ${actorKey(owner, id)}, ${actorKey(owner, registryId)}, ${Buffer.from(back)})`
  expect(await parkedLine()).toMatchObject({ kind: 'message', type: 'task.lost', actor: { id: stepId(id, 1, 0) } })
  const lost = async () => {
    const rows = await test.sql`select task from writ.attempts where owner = ${owner} and closed = 'lost'`
    return rows.map(({ task }) => task as string)
  }
  await expect.poll(lost, { timeout: 20_000 }).toEqual([expect.stringContaining(stepId(id, 1, 1))])
})

it('R41: steps that cannot be committed keep their slot from others for as long as their tries take, and not for as many sweeps', async () => {
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [], c: [], d: [] }) })
  await refuse(id, 0, 1, 2, 3)
  await world.start({ evaluate: false, plan: planOf({ x: [] }) })
  const clock = test.engine.host.clock as { after: Clock['after'] }
  const { after } = clock
  // The engine of the next test sweeps again.
  onTestFinished(async () => {
    clock.after = after
    await test.end()
  })
  clock.after = (ms, call) => after.call(clock, ms === sweepMs ? 2 ** 30 : ms, call)
  const daemon = await world.daemon('d', { work: () => null })
  await daemon.spawned('worker x')
  expect((await world.client.parked.list()).lines).toHaveLength(4)
})

it('R45: messages that nobody can take hold up nothing but what the same tell the same', async () => {
  const id = await world.create({ evaluate: false, plan: planOf({ a: [] }) })
  const shard = shardOf(world.owner, id)
  const numbers = Array.from({ length: 2000 }, (_, n) => `x${n}`)
  const other = numbers.find((name) => shardOf(world.owner, name) === shard) ?? expect.unreachable()
  const daemon = await world.daemon('d', { work: () => null })
  const nonsense = Buffer.from(pack({ nonsense: true }))
  for (let at = 0; at < 8; at++)
    await test.sql`insert into writ.messages (shard, "to", "from", body) values (${shard}, ${actorKey(world.owner, id)}, 'watch', ${nonsense})`
  test.engine.mailbox.look([shard])
  await world.start({ id: other, evaluate: false, plan: planOf({ x: [] }) })
  await daemon.spawned('worker x')
  // Each is tried five times, and the second after the first.
  expect((await world.client.parked.list()).lines.length).toBeLessThan(8)
})

it.each(['P0001', 'XX002', '42501', '53100'])('R45 R46: an error %s at one stops nobody else', async (state) => {
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const { attempt, nonce } = (await daemon.spawned('worker a')).task
  const innocent = await test.world()
  await innocent.daemon('e')
  const shard = shardOf(world.owner, id)
  const steered = ['one', 'two'].find((name) => shardOf(innocent.owner, name) !== shard) ?? expect.unreachable()
  const forNobody = { y: { needs: { labels: { only: 'y' } } } }
  await innocent.start({ id: steered, evaluate: false, plan: planOf({ y: [] }, forNobody) })
  await refuseAs(state, id, 0)
  const lost = pack({ type: 'task.lost', attempt, nonce, why: 'stall', reason: 'no progress' })
  await test.sql`
    insert into writ.messages (shard, "to", "from", body)
    values (${shard}, ${actorKey(world.owner, stepId(id, 1, 0))}, 'watch', ${Buffer.from(lost)})`
  test.engine.mailbox.look(test.engine.holder.shards)
  const other = await innocent.start({ evaluate: false, plan: planOf({ x: [] }) })
  await innocent.until(other, 'directive_completed')
  // The step itself has answered.
  expect(await refusal(innocent.client.step(stepId(steered, 1, 0)).cancel())).toMatchObject({ code: 'REFUSED' })
})

it.each(['P0001', 'P0004'])('R45: what is refused with %s is parked, and goes on later', async (state) => {
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ evaluate: false, plan: chainOf(2) })
  const first = await daemon.spawned('worker s0')
  await refuseAs(state, id, 1)
  expect(await daemon.done(first)).toMatchObject({ counted: true })
  const line = await parkedLine()
  expect(line).toMatchObject({ kind: 'message', actor: { id: stepId(id, 1, 1) } })
  await allow()
  await world.client.parked.retry({ id: line.id })
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
})
