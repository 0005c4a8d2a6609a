/** What the database refuses to one is refused to that one alone: it is parked, and all others go on. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { actorKey, stepId } from '../../src/protocol/ids.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf, planOf, type World } from '../support/world.ts'

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

/** The database takes no row of this step. */
const refuse = (id: string, index: number) =>
  test.sql.unsafe(`
    create function public.refuse_step() returns trigger language plpgsql as $$ begin
      if new.key = '${actorKey(world.owner, stepId(id, 1, index))}' then raise exception 'no' using errcode = '23514'; end if;
      return new;
    end $$;
    create trigger refuse_step before insert or update on writ.actors for each row execute function public.refuse_step()`)
const allow = () => test.sql.unsafe('drop function if exists public.refuse_step cascade')

/** The one thing that is parked. Mailboxes are looked into without waiting for the next sweep. */
const parkedLine = async () => {
  const lines = async () => {
    test.engine.mailbox.look(test.engine.holder.shards)
    return (await world.client.parked.list()).lines
  }
  await expect.poll(async () => (await lines()).length, { timeout: 20_000 }).toBe(1)
  return (await lines())[0] ?? expect.unreachable()
}

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

it('R41: a step that cannot be committed is parked, and keeps no slot from other steps, nor from other directives', async () => {
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  await refuse(id, 0)
  const daemon = await world.daemon('d', { work: () => null, slots: 2 })
  const other = await world.start({ evaluate: false, plan: planOf({ c: [] }) })
  const spawns = [await daemon.spawned('worker b'), await daemon.spawned('worker c')]
  expect(spawns.map(({ directive }) => directive.id)).toEqual([id, other])
  const line = await parkedLine()
  expect(line).toMatchObject({ kind: 'step', id: stepId(id, 1, 0) })
  await allow()
  await Promise.all(spawns.map((spawn) => daemon.done(spawn)))
  await world.client.parked.retry({ id: line.id })
  await daemon.done(await daemon.spawned('worker a'))
  await world.until(id, 'directive_completed')
})
