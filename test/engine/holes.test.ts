/** What naive engines fall into: crowds that come back at once, grants that nobody holds, streams made anew, clocks that jump. */
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openConnection } from '../../src/bus/connection.ts'
import { streamName } from '../../src/bus/stream.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { actorKey, addressOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf, planOf } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(() => test.start())
afterAll(() => test.stop())

const one = planOf({ a: [] })
const fan = (count: number) => planOf(Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, []])))

it('R39 R43: a thousand daemons that come back at once are all known again, and what they ran goes on', async () => {
  const world = await test.world()
  const workers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => world.daemon(`w${at}`, { roles: ['worker'], work: () => null })),
  )
  const id = await world.start({ evaluate: false, plan: fan(workers.length) })
  await Promise.all(workers.map((daemon) => expect.poll(() => daemon.spawns.length, { timeout: 20_000 }).toBe(1)))
  const hello = (name: string): Promise<unknown> => {
    const about = { roles: ['evaluator'], executors: ['shell'], labels: {}, slots: 2 }
    const body = { session: `s-${name}`, running: [], ...about }
    return test.bus.request(subjects.daemon.at({ owner: world.owner, id: name, verb: 'hello' }), body, 30_000)
  }
  const crowd = Array.from({ length: 980 }, (_, at) => `d${at}`)
  await test.end()
  await test.sql`
    insert into writ.daemons (owner, name, session, slots, roles, executors, labels, draining, at)
    select ${world.owner}, name, 's-' || name, 2, '["evaluator"]', '["shell"]', '{}', false, 0
    from jsonb_array_elements_text(${JSON.stringify(crowd)}::text::jsonb) name`
  await test.start()
  await Promise.all([...crowd.map((name) => hello(name)), ...workers.map((daemon) => daemon.beat())])
  const [count] = await test.sql`select count(*)::int as known from writ.daemons where owner = ${world.owner}`
  expect(count).toEqual({ known: 1000 })
  for (const daemon of workers) for (const spawn of daemon.spawns) await daemon.done(spawn)
  await world.until(id, 'directive_completed')
  expect(workers.flatMap(({ spawns }) => spawns.map(({ task }) => task.attempt))).toEqual(workers.map(() => 1))
}, 60_000)

it('R41: a grant that no directive holds is found when its registry is taken, and its slot serves another', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await test.end()
  // Its directive has lost it: as after a message about it that was dropped.
  const directive = actorKey(world.owner, id)
  await test.sql`delete from writ.held where directive = ${directive}`
  await test.sql`update writ.attempts set closed_at = 0, closed = 'lost' where directive = ${directive}`
  await test.sql`update writ.grants set at = 0 where owner = ${world.owner}`
  await test.start()
  // It is over for the daemon as well, and does not count.
  expect(await daemon.failed(spawn, 'nobody waits for it')).toMatchObject({ counted: false })
  const other = await world.start({ plan: one })
  expect((await daemon.spawned('worker a', 2)).directive.id).toBe(other)
  expect(spawn.directive.id).toBe(id)
})

it('R40 R43: an acceptance whose commit was refused is stored after all, and a daemon that comes back without it has lost it', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  await test.sql.unsafe(`
    create function public.refuse_acceptance() returns trigger language plpgsql as $$ begin
      if new.accepted and not old.accepted then raise exception 'no' using errcode = '23514'; end if;
      return new;
    end $$;
    create trigger refuse_acceptance before update on writ.attempts for each row execute function public.refuse_acceptance()`)
  const id = await world.start({ evaluate: false, plan: one })
  await daemon.spawned('worker a')
  const { figures } = test.engine.host
  const before = figures.refusedCommits
  await expect.poll(() => figures.refusedCommits, { timeout: 10_000 }).toBeGreaterThan(before)
  // What was refused among others is tried once more by itself.
  await expect.poll(() => test.engine.loop.depth, { timeout: 10_000 }).toBe(0)
  await test.sql.unsafe('drop trigger refuse_acceptance on writ.attempts; drop function public.refuse_acceptance')
  const attempts = async () => [
    ...(await test.sql`select accepted, closed from writ.attempts where directive = ${actorKey(world.owner, id)}`),
  ]
  await expect.poll(attempts, { timeout: 20_000 }).toEqual([{ accepted: true, closed: null }])
  const back = async () => {
    await daemon.hello()
    return attempts()
  }
  await expect.poll(back, { timeout: 20_000, interval: 500 }).toEqual([{ accepted: true, closed: 'lost' }])
  await daemon.beat([])
  expect((await daemon.spawned('worker a', 2)).task.attempt).toBe(2)
}, 60_000)

it('R27 R45: plain publishes are taken from a stream that was made anew, whose numbers begin once more', async () => {
  const world = await test.world()
  const id = await world.start({ plan: planOf({ a: [], b: [] }) })
  const publish = (index: number): void => {
    const address = readAddress(addressOf(world.owner, taskId(stepId(id, 1, index), 1)))
    test.bus.publish(subjects.task.at({ owner: world.owner, ...address, verb: 'done' }), { result: 'by hand' })
  }
  publish(0)
  await world.until(id, 'step_evaluating', { step: 0 })
  const raw = await openConnection({ url: test.natsUrl, name: 'wipes' })
  const manager = await jetstreamManager(raw)
  await manager.streams.delete(streamName)
  const made = (): Promise<boolean> =>
    manager.streams.info(streamName).then(
      () => true,
      () => false,
    )
  await expect.poll(made, { timeout: 20_000 }).toBe(true)
  publish(1)
  await world.until(id, 'step_evaluating', { step: 1 })
  const taken = await test.sql`select incarnation, sequence::int from writ.ingress order by at`
  expect(taken.map(({ sequence }) => Number(sequence))).toEqual([1, 1])
  expect(new Set(taken.map(({ incarnation }) => String(incarnation).split(' ')[0])).size).toBe(2)
  await raw.close()
})

/** Lets the clock of the database be so far ahead. */
const setClock = (aheadMs: number): Promise<unknown> =>
  test.sql.unsafe(`
    create or replace function writ.now() returns bigint language sql volatile as
    $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint + ${aheadMs} $$`)

it('R43 R45: the clock of the database may jump ahead by an hour and back: nothing is lost, nothing done twice', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { roles: ['worker'], work: () => null })
  const id = await world.start({ evaluate: false, plan: chainOf(4) })
  for (const [at, aheadMs] of [0, 3_600_000, -3_600_000, 0].entries()) {
    const spawn = await daemon.spawned(`worker s${at}`)
    await setClock(aheadMs)
    // A renewal brings the time, and with it whatever would follow from it.
    await test.engine.holder.fenced()
    expect(test.engine.holder.epoch(0)).not.toBeNull()
    expect(Math.abs(test.engine.holder.now() - Date.now() - aheadMs)).toBeLessThan(60_000)
    await daemon.done(spawn)
  }
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.map(({ task }) => task.attempt)).toEqual([1, 1, 1, 1])
})
