/** A registry over time: pulls, what it keeps of directives that lack nothing, and daemons that come back while it is slow. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { decode } from '../../src/bus/json.ts'
import { connect } from '../../src/bus/nats-bus.ts'
import { readAddress, subjects } from '../../src/bus/subjects.ts'
import { shardOf, stepId } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { callOf } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(() => test.start())
afterAll(() => test.stop())

const one = planOf({ a: [] })
const nothing = { code: 'NO_ANSWER', message: 'no task came up in time' }
const pull = (world: World, body: object): Promise<unknown> =>
  test.bus.request(subjects.pull.at({ owner: world.owner }), body, 20_000)

/** Resolves once the registry knows this daemon. */
const heardOf = async (world: World, name: string): Promise<void> => {
  const daemons = async (): Promise<string[]> => (await world.client.listDaemons()).lines.map((each) => each.name)
  await expect.poll(daemons, { timeout: 10_000 }).toContain(name)
}

it('R39: a pull gets a task or hears that there is none, never both, and keeps its name while its task runs', async () => {
  const world = await test.world()
  await (await world.daemon('registered')).bye()
  const heard: string[] = []
  const listening = test.bus.subscribe('_INBOX.>', {}, ({ body }) => void heard.push(JSON.stringify(decode(body))))
  expect(await refusal(pull(world, { name: 'script', waitMs: 100 }))).toMatchObject(nothing)
  const id = await world.start({ plan: one })
  const spawn = (await pull(world, { name: 'script', waitMs: 300 })) as Spawn
  expect(callOf(spawn)).toBe('worker a')
  const before = heard.filter((body) => body.includes('NO_ANSWER')).length
  expect(await refusal(pull(world, { name: 'other', roles: ['planner'], waitMs: 1500 }))).toMatchObject(nothing)
  expect(heard.filter((body) => body.includes('NO_ANSWER')).length).toBe(before + 1)
  const key = `${world.owner}/script`
  const { presence } = test.engine.host
  const known = presence.get(key) ?? expect.unreachable()
  presence.set(key, { ...known, seenAt: known.seenAt - 3_600_000 })
  expect(await refusal(pull(world, { name: 'script', waitMs: 300 }))).toMatchObject({ code: 'NAME_TAKEN' })
  expect(await world.task(stepId(id, 1, 0), 1)).toMatchObject({ daemon: 'script' })
  await listening.drain()
})

it('R39: a pull whose slot the directive did not need any more waits on, and gets the next task', async () => {
  const world = await test.world()
  const draft = await world.create({ plan: one })
  await test.end()
  // As the registry has it when a need and its withdrawal cross.
  const lines = [{ role: 'worker', labels: {}, executor: null, count: 1, priority: 5, since: 0 }]
  await test.sql`
    insert into writ.needs (owner, directive, lines, seen, granted)
    values (${world.owner}, ${`${world.owner}/${draft}`}, ${test.sql.json(lines)}, 0, 0)`
  await test.start()
  const { store } = test.engine.host
  const { commit } = store
  let returned = false
  store.commit = async (thread, rows) => {
    const committed = await commit(thread, rows)
    returned ||= (rows.goneGrants ?? []).some(({ owner }) => owner === world.owner)
    return committed
  }
  const pulled = pull(world, { name: 'script', waitMs: 15_000 })
  await expect.poll(() => returned, { timeout: 10_000 }).toBe(true)
  const id = await world.start({ plan: one })
  expect(((await pulled) as Spawn).directive.id).toBe(id)
})

it('R42: the task of a pull that nobody waits for any more goes to whoever is there', async () => {
  const world = await test.world()
  await (await world.daemon('registered')).bye()
  const script = await connect({ url: test.natsUrl, name: 'script', log: () => undefined })
  const pulled = script.request(subjects.pull.at({ owner: world.owner }), { name: 'gone', waitMs: 25_000 }, 25_000)
  const [gone] = await Promise.all([refusal(pulled), heardOf(world, 'gone').then(() => script.close())])
  expect(gone).toMatchObject({ code: 'UNREACHABLE' })
  const id = await world.start({ plan: one })
  const closed = async (): Promise<unknown[]> =>
    (await world.task(stepId(id, 1, 0), 1)).attempts.map(({ daemon, as }) => [daemon, as])
  await expect.poll(closed, { timeout: 10_000 }).toEqual([['gone', 'refused']])
  const daemon = await world.daemon('d')
  expect((await daemon.spawned('worker a')).task.attempt).toBe(2)
  await world.until(id, 'directive_completed')
})

it("an owner's registry is made before its first directive when somebody asks for it, as often as that happens", async () => {
  const owner = `early-${Math.random().toString(36).slice(2)}`
  const hello = subjects.daemon.at({ owner, id: 'd', verb: 'hello' })
  const body = { session: 's', slots: 1, roles: ['worker'], labels: {}, executors: [], running: [], draining: false }
  expect(await refusal(test.bus.request(hello, body, 5_000))).toMatchObject({ code: 'NO_ANSWER' })
  const open = subjects.api.at({ owner, noun: 'owner', verb: 'open' })
  expect(await Promise.all([1, 2, 3].map(() => test.bus.request(open, {}, 10_000)))).toEqual([{}, {}, {}])
  await expect.poll(async () => test.bus.request(hello, body, 5_000).catch(() => null)).toMatchObject({ session: 's' })
  const inner = subjects.directive.at({ owner, shard: shardOf(owner, 'd'), id: 'd', verb: 'open' })
  expect(await refusal(test.bus.request(inner, {}, 5_000))).toMatchObject({ code: 'NOT_FOUND' })
})

it('R43: what a daemon accepted while its hello was under way is not lost by it', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  await expect.poll(async () => (await world.task(stepId(id, 1, 0), 1)).status, { timeout: 10_000 }).toBe('running')
  await daemon.hello()
  const waiting = async (): Promise<number> => {
    const [row] = await test.sql<{ count: number }[]>`
      select count(*)::int from writ.messages where "to" = ${`${world.owner}/${id}`}`
    return row?.count ?? -1
  }
  await expect.poll(waiting).toBe(0)
  expect(await daemon.done(spawn)).toEqual({ received: true, counted: true })
})

it('R39: a directive that lacks nothing any more leaves no row with its registry', async () => {
  const world = await test.world()
  await world.daemon('d')
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }) })
  await world.until(id, 'directive_completed')
  const rows = async (): Promise<number> => {
    const [row] = await test.sql<{ needs: number }[]>`
      select (select count(*) from writ.needs where owner = ${world.owner})::int
           + (select count(*) from writ.grants where owner = ${world.owner})::int as needs`
    return row?.needs ?? -1
  }
  await expect.poll(rows, { timeout: 10_000 }).toBe(0)
})

it('a beat that frees a slot which nobody waits for costs no commit, and one that somebody waits for is granted', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null, slots: 1 })
  const units = (): number => test.engine.host.figures.units + test.engine.loop.depth
  await expect.poll(() => test.engine.loop.depth).toBe(0)
  const before = units()
  await daemon.beat(['other/1'])
  await daemon.beat([])
  expect(units()).toBe(before)
  await daemon.beat(['other/1'])
  await world.start({ plan: one })
  await daemon.beat([])
  await daemon.spawned('worker a')
})

it('registries that are taken again while they close are served', async () => {
  const worlds = [await test.world(), await test.world()]
  for (const world of worlds) await (await world.daemon('registered')).bye()
  const owners = worlds.map(({ owner }) => owner)
  const { registries } = test.engine
  const closed = registries.close((owner) => owners.includes(owner))
  await Promise.all([...owners.map((owner) => registries.open(owner)), closed])
  for (const world of worlds) expect(await world.daemon('d')).toMatchObject({ name: 'd' })
})

it("after a restart an attempt without progress ends after its directive's own time", async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ plan: one, limits: { stallSeconds: 4 } })
  await daemon.spawned('worker a')
  await expect.poll(async () => (await world.task(stepId(id, 1, 0), 1)).status, { timeout: 10_000 }).toBe('running')
  await test.end()
  await test.start()
  expect(await daemon.ordered('cancel')).toMatchObject({ attempt: 1 })
})

it('R43: what a script says of an attempt that is over ends no other one, asked or published', async () => {
  const world = await test.world()
  await (await world.daemon('registered')).bye()
  const id = await world.start({ plan: one, evaluate: false, limits: { totalSeconds: 4 } })
  const first = (await pull(world, { name: 'first', waitMs: 15_000 })) as Spawn
  const second = (await pull(world, { name: 'second', waitMs: 15_000 })) as Spawn
  expect([first.task.attempt, second.task.attempt]).toEqual([1, 2])
  const at = (verb: 'done' | 'failed'): string =>
    subjects.task.at({ owner: world.owner, ...readAddress(first.task.address), verb })
  expect(await refusal(test.bus.request(at('failed'), { attempt: 1, reason: 'too late' }, 5_000))).toMatchObject({
    code: 'REFUSED',
    message: `attempt 1 of task ${first.task.id} is over`,
  })
  test.bus.publish(at('failed'), { attempt: 1, reason: 'too late' })
  test.bus.publish(at('done'), { attempt: 2, result: 'in time' })
  await world.until(id, 'directive_completed')
  expect((await world.task(stepId(id, 1, 0), 1)).attempts).toMatchObject([{ as: 'timed_out' }, { result: 'in time' }])
})

it('the figures of an owner say how long ago each of its daemons was heard of, and nothing of those of others', async () => {
  const [ours, theirs] = [await test.world(), await test.world()]
  const [own, foreign] = [await ours.daemon('d', { slots: 3 }), await theirs.daemon('e')]
  await Promise.all([own.beat(), foreign.beat()])
  await ours.start({ plan: planOf({ a: [] }, { a: { needs: { labels: { os: 'none' } } } }), evaluate: false })
  await expect.poll(async () => (await ours.client.ownerFigures()).needs).toMatchObject([{ role: 'worker', tasks: 1 }])
  const figures = await ours.client.ownerFigures()
  expect(figures).toMatchObject({ directives: { open: { active: 1 } }, daemons: { count: 1, slots: 3 } })
  expect(figures.daemonLines).toMatchObject([{ name: 'd', silentMs: expect.any(Number) }])
  expect(figures.daemonLines[0]?.silentMs).toBeGreaterThanOrEqual(0)
})
