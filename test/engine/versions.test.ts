/** Nodes of two versions: an actor of the older machine goes on as one of the newer, and what a node cannot open waits for one that can. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { pack, unpackJournal } from '../../src/actors/codec.ts'
import { Cutting } from '../../src/actors/cutting.ts'
import { Looking } from '../../src/actors/looking.ts'
import { Replaying } from '../../src/actors/replaying.ts'
import { catalog } from '../../src/machines/catalog.ts'
import type { Catalog, Migration } from '../../src/machines/versions.ts'
import { type RunningObserver, startObserver } from '../../src/observer-of.ts'
import { openHistory } from '../../src/persistence/history.ts'
import { type ActorKey, actorKey, shardOf, stepId } from '../../src/protocol/ids.ts'
import type { Finding } from '../../src/protocol/findings.ts'
import type { InspectionFrame } from '../../src/protocol/inspection.ts'
import { shardCount } from '../../src/protocol/limits.ts'
import { systemClock } from '../../src/system.ts'
import { checkMachinesOf, verifyDatabase } from '../../src/verify-of.ts'
import { joinEngine, startTestEngine, type TestEngine } from '../support/engine.ts'
import type { FakeDaemon } from '../support/fake-daemon.ts'
import { patienceTimer, withDelay, withoutFirst, withSecond } from '../support/second-step.ts'
import { chainOf, planOf, refusal, type World } from '../support/world.ts'

const later = withSecond()
const counted = { received: true, counted: true }
let test: TestEngine
let observer: RunningObserver
let world: World
let daemon: FakeDaemon
beforeAll(async () => {
  test = await startTestEngine()
  const { databaseUrl, natsUrl } = test
  const log = (line: string): void => void test.log.push(line)
  observer = await startObserver({ databaseUrl, nats: { url: natsUrl }, node: 'test', machines: later, log })
})
beforeEach(async () => {
  await test.end()
  await test.start(catalog)
  world = await test.world()
  daemon = await world.daemon('d', { slots: 4, work: () => null })
})
afterAll(async () => {
  await observer.stop()
  await test.stop()
})

/** The node is replaced by one of another build. */
const deploy = async (machines: Catalog): Promise<void> => {
  await test.end()
  await test.start(machines)
}
const machineOf = async (key: ActorKey): Promise<string> => {
  const [row] = await test.sql<{ name: string }[]>`
    select machine || '@' || machine_version as name from writ.actors where key = ${key}`
  return row?.name ?? ''
}
/** What each version of the actor took. */
const journalOf = async (key: ActorKey): Promise<{ origin: string; type: string }[][]> => {
  const rows = await test.sql<{ entries: Uint8Array }[]>`
    select entries from writ.journal where key = ${key} order by version`
  return rows.map(({ entries }) =>
    unpackJournal(entries).map(({ origin, message }) => ({
      origin,
      type: (message as { type: string } | null)?.type ?? '',
    })),
  )
}
const findingsBy = async (machines: Catalog): Promise<Finding[]> => {
  const { findings } = await verifyDatabase({ url: test.databaseUrl, directive: null, quick: false, machines })
  return findings.filter(({ key }) => key.startsWith(`${world.owner}/`))
}
const verified = async (machines: Catalog): Promise<void> => expect(await findingsBy(machines)).toEqual([])
/** A directive whose first step is being worked at, on the first version. */
const working = async () => {
  const id = await world.start({ evaluate: false, plan: chainOf(2) })
  const spawn = await daemon.spawned('worker s0')
  const key = actorKey(world.owner, stepId(id, 1, 0))
  await world.until(id, 'step_running')
  return { id, spawn, step: stepId(id, 1, 0), key }
}

it('an actor of the older machine takes its next message as one of the newer, in the same commit, and new ones begin on that', async () => {
  const { id, spawn, key } = await working()
  await deploy(later)
  expect(await machineOf(key)).toBe('step@1')
  expect(await daemon.done(spawn)).toEqual(counted)
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
  expect(await machineOf(key)).toBe('step@2')
  const journal = await journalOf(key)
  const [moved] = journal.filter((version) => version.some(({ origin }) => origin === 'migration'))
  expect(moved?.map(({ type }) => type)).toEqual(expect.arrayContaining(['migration', 'task.done']))
  expect(moved?.[0]).toEqual({ origin: 'migration', type: 'migration' })
  const next = await journalOf(actorKey(world.owner, stepId(id, 1, 1)))
  expect(next.flat().map(({ origin }) => origin)).not.toContain('migration')
  await verified(later)
  await verified(catalog)
})

const chartsIn = (frames: readonly InspectionFrame[]): unknown[] =>
  frames.flatMap((frame) => (frame.type === '@xstate.actor' ? [JSON.parse(frame.definition ?? '{}')] : []))

it('its journal folds to its state at every version, before and after, and is watched and replayed with the charts of both', async () => {
  const { id, spawn, step, key } = await working()
  await deploy(later)
  const live: InspectionFrame[] = []
  const over = new AbortController()
  const watching = new Promise<void>((opened, reject) => {
    const options = { selection: { actor: step }, coalesceMs: 0, opened, signal: over.signal }
    world.client.inspect({ ...options, take: (frame) => live.push(frame) }).catch(reject)
  })
  await watching
  await daemon.done(spawn)
  await world.until(id, 'step_passed')
  await expect.poll(() => chartsIn(live), { timeout: 10_000 }).toMatchObject([{ version: '1' }, { version: '2' }])
  over.abort()
  const actor = world.client.actor(step)
  const { lines } = await actor.journal({})
  const at = lines.findIndex(({ type }) => type === 'migration')
  expect(lines[at]).toMatchObject({ from: 'migration', before: { status: 'running' }, after: { status: 'running' } })
  expect(lines[at]?.changes).toMatchObject([{ path: expect.stringContaining('made') as string }])
  for (const { version, after } of lines.filter((line, place) => lines[place + 1]?.version !== line.version))
    expect(await actor.get({ at: version })).toMatchObject({ version, status: after.status, state: after.state })
  const now = await actor.get({})
  expect(await actor.get({ at: now.version })).toMatchObject({ context: now.context })
  expect(now.context).toMatchObject({ made: 'as version 1' })
  const frames: InspectionFrame[] = []
  const { signal } = new AbortController()
  await world.client.replay({ selection: { actor: step }, take: (frame) => frames.push(frame), signal })
  expect(chartsIn(frames)).toMatchObject([{ version: '1' }, { version: '2' }])
  expect(await machineOf(key)).toBe('step@2')
})

it('what it would take next is shown of the machine that it becomes one of first, and says so; nothing is changed by looking', async () => {
  const { id, spawn, step, key } = await working()
  await deploy(later)
  const actor = world.client.actor(step)
  const { version } = await actor.get({})
  expect(await actor.next({})).toMatchObject({
    ...{ version, migrates: 'step@2', status: 'running' },
    timers: expect.arrayContaining([expect.objectContaining({ id: patienceTimer, due: null })]) as object[],
  })
  const tried = await actor.try({ message: { type: 'task.done' } })
  expect(tried).toMatchObject({ version, migrates: 'step@2', outcome: 'taken' })
  expect(tried.timers).toContainEqual({ do: 'cancel', id: patienceTimer })
  expect([await machineOf(key), (await actor.get({})).version]).toEqual(['step@1', version])
  await daemon.done(spawn)
  await world.until(id, 'step_passed', { step: 0 })
  expect(await actor.next({})).toMatchObject({ migrates: null })
})

it('where the migration fails, it is said that whatever it takes next parks it', async () => {
  const { id, spawn, step, key } = await working()
  await deploy(later)
  const faulty = withSecond({
    from: '1',
    migrate: () => {
      throw new Error('nobody thought of this')
    },
  })
  const history = await openHistory({ url: test.databaseUrl })
  const looking = new Looking(history, new Replaying(history, systemClock, faulty), faulty)
  const answer = refusal(looking.answer(key, 'next', {}))
  expect(await answer).toMatchObject({
    code: 'PARKED',
    message: `${step} would be parked by whatever it takes next: its migration from step@1 to step@2 failed: nobody thought of this`,
  })
  await history.close()
  await daemon.done(spawn)
  await world.until(id, 'step_passed', { step: 0 })
})

it('a timer that only the newer machine waits for is set with the migration, and cancelled as any other', async () => {
  const { id, spawn, key } = await working()
  const timers = async (): Promise<string[]> =>
    (await test.sql<{ id: string }[]>`select id from writ.timers where key = ${key}`).map((row) => row.id)
  const before = await timers()
  await deploy(later)
  await daemon.failed(spawn, 'died by a signal', true)
  await world.until(id, 'task_retry')
  expect(before).not.toContain(patienceTimer)
  expect(await timers()).toContain(patienceTimer)
  await verified(later)
  await world.client.directive(id).cancel()
  await world.until(id, 'directive_cancelled')
  expect(await timers()).toEqual([])
  await verified(later)
})

it('without a migration it goes on under its own machine, beside new ones on the newer', async () => {
  const { id, spawn, key } = await working()
  const pinned = withSecond(null)
  await deploy(pinned)
  await daemon.done(spawn)
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
  expect(await machineOf(key)).toBe('step@1')
  expect(await machineOf(actorKey(world.owner, stepId(id, 1, 1)))).toBe('step@2')
  await verified(pinned)
})

it('a migration that fails changes nothing: the actor is parked with its reason, and goes on when it is mended', async () => {
  const { id, spawn, step, key } = await working()
  const reason = 'its migration from step@1 to step@2 failed: nobody thought of this'
  const faulty: Migration = {
    from: '1',
    migrate: () => {
      throw new Error('nobody thought of this')
    },
  }
  const harms = async (build: Catalog) => (await checkMachinesOf(test.databaseUrl, false, build)).harms
  expect(await harms(withSecond(faulty))).toMatchObject([
    { machine: 'step@1', problem: 'parked', why: reason, actors: 1 },
  ])
  const why = `the timer ${patienceTimer} has a delay of NaN ms`
  const unending = withDelay(() => Number.NaN)
  expect(await harms(unending)).toMatchObject([{ machine: 'step@1', problem: 'parked', why, actors: 1 }])
  expect(await harms(withDelay(({ context }) => context.given.settings.limits.total))).toEqual([])
  expect(await harms(later)).toEqual([])
  await deploy(withSecond(faulty))
  // Its daemon tells it again and again, as daemons do.
  await expect.poll(() => daemon.done(spawn).catch(() => null), { timeout: 20_000 }).toEqual(counted)
  const { lines } = await world.client.parked.list()
  expect(lines).toMatchObject([{ id: step, reason }])
  expect(await machineOf(key)).toBe('step@1')
  expect((await journalOf(key)).flat().map(({ origin }) => origin)).not.toContain('migration')
  await deploy(later)
  await world.client.parked.retry({ id: step })
  await world.until(id, 'step_passed', { step: 0 })
  expect(await machineOf(key)).toBe('step@2')
  await verified(later)
})

it('that a build does not know on what a journal begins is told before it is deployed', async () => {
  const { id, spawn, key } = await working()
  const why = 'its journal begins on step@1, which this version does not know'
  const lost = async (build: Catalog): Promise<number> => {
    const { harms } = await checkMachinesOf(test.databaseUrl, false, build)
    return harms.find((harm) => harm.problem === 'journal' && harm.why === why)?.actors ?? 0
  }
  await deploy(later)
  const before = await lost(withoutFirst)
  await daemon.done(spawn)
  const next = await daemon.spawned('worker s1')
  expect(await machineOf(key)).toBe('step@2')
  expect([await lost(withoutFirst), await lost(later)]).toEqual([before + 1, 0])
  await daemon.done(next)
  await world.until(id, 'directive_completed')
})

it('a journal that cannot be read is told of too, and keeps nothing else from being checked', async () => {
  const { key } = await working()
  const [row] = await test.sql<
    { entries: Uint8Array }[]
  >`select entries from writ.journal where key = ${key} and version = 1`
  const put = (entries: Uint8Array) =>
    test.sql`update writ.journal set entries = ${Buffer.from(entries)} where key = ${key} and version = 1`
  for (const entries of [Buffer.from([0xc1]), Buffer.from(pack(null)), Buffer.from(pack([null]))]) {
    await put(entries)
    const { harms } = await checkMachinesOf(test.databaseUrl, false, later)
    const found = harms.filter(({ first }) => first.includes(key))
    expect(found).toMatchObject([
      { problem: 'journal', why: expect.stringContaining('its journal cannot be read') as string },
    ])
  }
  await put(row?.entries ?? Buffer.from([]))
})

/** One that the last thread of two gives up last, if it looks at nothing but their numbers. */
const idInLastShards = (): string => {
  const ids = Array.from({ length: 10 * shardCount }, (_, at) => `x${at}`)
  return ids.find((id) => shardOf(world.owner, id) >= 0.9 * shardCount) ?? expect.unreachable()
}

it('a node without what is written is not let in; where it is all that is left, what it cannot open waits, and goes on by itself', async () => {
  await deploy(later)
  const plan = planOf({ a: [] }, { a: { requires_approval: true } })
  const id = await world.start({ id: idInLastShards(), evaluate: false, plan })
  await daemon.done(await daemon.spawned('worker a'))
  await world.until(id, 'step_held')
  const old = await refusal(joinEngine(test, 'old', (line) => test.log.push(line), { machines: catalog }))
  expect(old).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('step@2') as string })
  await deploy(catalog)
  const step = stepId(id, 1, 0)
  const { lines } = await world.client.parked.list()
  expect(lines).toMatchObject([{ id: step, reason: 'no node that runs knows the machine step 2' }])
  expect(await refusal(world.client.step(step).approve())).toMatchObject({ code: 'PARKED' })
  await world.client.directive(id).cancel()
  expect(await world.view(id)).toMatchObject({ status: 'cancelling' })
  const newer = await joinEngine(test, 'newer', (line) => test.log.push(line), { machines: later })
  try {
    await world.until(id, 'directive_cancelled')
    expect((await world.client.parked.list()).lines).toEqual([])
  } finally {
    await newer.stop()
  }
})

it('R48: a step that its node cannot open, and whose directive was paused and resumed there, has its slot once a newer node is there', async () => {
  await deploy(later)
  const idle = await test.world()
  const id = await idle.start({ plan: planOf({ a: [] }) })
  await idle.until(id, 'step_running')
  await deploy(catalog)
  await idle.client.directive(id).pause()
  expect(await refusal(idle.client.step(stepId(id, 1, 0)).approve())).toMatchObject({ code: 'PARKED' })
  await idle.client.directive(id).resume()
  await deploy(later)
  await (await idle.daemon('d')).spawned('worker a')
})

it('what a node holds and cannot open names the nodes that could', async () => {
  const newer = await joinEngine(test, 'newer', (line) => test.log.push(line), { machines: later })
  try {
    const held = (): number[] => [test.engine, newer.engine].map(({ holder }) => holder.shards.length)
    await expect.poll(held, { timeout: 20_000 }).toEqual([shardCount / 2, shardCount / 2])
    // Without a daemon: nothing more happens to its steps.
    const idle = await test.world()
    const ids = await Promise.all(Array.from({ length: 8 }, () => idle.start({ plan: planOf({ a: [] }) })))
    await Promise.all(ids.map((id) => idle.until(id, 'step_running')))
    await test.sql`update writ.actors set machine_version = '2' where owner = ${idle.owner} and kind = 'step'`
    const { lines } = await idle.client.parked.list()
    const shards = new Set(test.engine.holder.shards)
    const mine = ids.filter((id) => shards.has(shardOf(idle.owner, stepId(id, 1, 0))))
    expect(new Set(lines.map(({ directive }) => directive))).toEqual(new Set(mine))
    for (const { reason } of lines)
      expect(reason).toMatch(/^its node test does not know the machine step 2, and newer \(/)
  } finally {
    await newer.stop()
  }
})

it('what a node holds and cannot open is handed to one that can, once it is met, and others move in its place', async () => {
  await deploy(later)
  const plan = planOf({ a: [] }, { a: { requires_approval: true } })
  const id = await world.start({ id: idInLastShards(), evaluate: false, plan })
  await daemon.done(await daemon.spawned('worker a'))
  await world.until(id, 'step_held')
  await deploy(catalog)
  const newer = await joinEngine(test, 'newer', (line) => test.log.push(line), { machines: later })
  try {
    const held = (): number[] => [test.engine, newer.engine].map(({ holder }) => holder.shards.length)
    const isShared = (): Promise<void> =>
      expect.poll(held, { timeout: 20_000 }).toEqual([shardCount / 2, shardCount / 2])
    await isShared()
    expect(test.engine.holder.shards).toContain(shardOf(world.owner, id))
    const approve = (): Promise<string> =>
      world.client
        .step(stepId(id, 1, 0))
        .approve()
        .then(
          () => 'approved',
          (error: unknown) => (error as { code: string }).code,
        )
    expect(await approve()).toBe('PARKED')
    await expect.poll(approve, { timeout: 20_000 }).toBe('approved')
    await world.until(id, 'directive_completed')
    expect(newer.engine.holder.shards).toContain(shardOf(world.owner, id))
    await isShared()
    expect((await world.client.parked.list()).lines).toEqual([])
  } finally {
    await newer.stop()
  }
})

it('what a node cannot fold keeps its journal whole, and keeps no other from being cut', async () => {
  await deploy(later)
  const { id, spawn, key } = await working()
  await daemon.done(spawn)
  await daemon.done(await daemon.spawned('worker s1'))
  await world.until(id, 'directive_completed')
  await deploy(catalog)
  const cutting = new Cutting(test.engine.host, -60_000)
  const shards = Array.from({ length: shardCount }, (_, shard) => shard)
  const before = await journalOf(key)
  let place: ActorKey | null = null
  do place = await cutting.step(shards, place)
  while (place !== null)
  expect(await journalOf(key)).toEqual(before)
  expect((await journalOf(actorKey(world.owner, id))).flat()).toEqual([{ origin: 'checkpoint', type: 'checkpoint' }])
  await verified(later)
})

it('one that is stored as of another version than its journal has made of it is found, though it remembers the same', async () => {
  const { spawn, key } = await working()
  await test.sql`update writ.actors set machine_version = '2' where key = ${key}`
  expect(await findingsBy(later)).toContainEqual({
    code: 'journal-differs',
    table: 'actors',
    key,
    found: 'the machine step@2',
    right: 'step@1, by its journal',
  })
  await test.sql`update writ.actors set machine_version = '1' where key = ${key}`
  await verified(later)
  expect(await daemon.done(spawn)).toEqual(counted)
})
