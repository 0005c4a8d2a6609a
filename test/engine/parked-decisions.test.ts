/** What a person decides about parked messages leaves nothing that waits for ever, and wins over nothing that was said since. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { pack, unpackJournal } from '../../src/actors/codec.ts'
import { actorKey, registryId, shardOf, stepId } from '../../src/protocol/ids.ts'
import { parkTriesMax } from '../../src/protocol/limits.ts'
import { endedThread } from '../../src/protocol/parked.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
let world: World
beforeAll(async () => {
  test = await startTestEngine()
})
beforeEach(async () => {
  await test.start()
  world = await test.world()
})
afterAll(() => test.stop())

/** A text that ends early. */
const unreadable = Buffer.from([0xa5, 0x61])
const deadly = { tries: parkTriesMax, reason: `${endedThread}for a test` }

/** Lays a message into a mailbox, as a commit would have done. */
const put = async (to: string, from: string, body: Uint8Array, { tries, reason } = { tries: 0, reason: '' }) => {
  const { owner } = world
  await test.sql`
    insert into writ.messages (shard, "to", "from", body, tries, reason)
    values (${shardOf(owner, to)}, ${actorKey(owner, to)}, ${actorKey(owner, from)}, ${Buffer.from(body)}, ${tries},
            ${reason === '' ? null : reason})`
}

const lines = async () => (await world.client.parked.list()).lines
/** The one thing that is parked. Mailboxes are looked into without waiting for the next sweep. */
const parkedLine = async () => {
  const counted = async (): Promise<number> => {
    test.engine.mailbox.look(test.engine.holder.shards)
    return (await lines()).length
  }
  await expect.poll(counted, { timeout: 20_000 }).toBe(1)
  return (await lines())[0] ?? expect.unreachable()
}

/** The message of this type that waits for it. */
const waits = async (to: string, type: string): Promise<string> => {
  const found = () => test.sql<{ id: string }[]>`
    select id from writ.messages
    where "to" = ${actorKey(world.owner, to)} and position(${Buffer.from(type)}::bytea in body) > 0`
  await expect.poll(async () => (await found()).length, { timeout: 10_000 }).toBe(1)
  return (await found())[0]?.id ?? expect.unreachable()
}

/** Threads end at the message of this type that waits behind what is parked, as often as is allowed. */
const makeDeadly = async (to: string, type: string): Promise<void> => {
  const id = await waits(to, type)
  await test.sql`update writ.messages set tries = ${deadly.tries}, reason = ${deadly.reason} where id = ${id}`
}

/** What it took, commit by commit. */
const journalOf = async (id: string): Promise<(string | undefined)[][]> => {
  const rows = await test.sql<{ entries: Uint8Array }[]>`
    select entries from writ.journal where key = ${actorKey(world.owner, id)} order by version`
  return rows.map(({ entries }) =>
    unpackJournal(entries).map(({ message }) => (message as { type: string } | null)?.type),
  )
}

const dropIt = async () => world.client.parked.drop({ id: (await parkedLine()).id, why: 'away with it' })
const retryIt = async () => world.client.parked.retry({ id: (await parkedLine()).id })

/** That what is stored agrees with itself, journals included. */
const verified = async (): Promise<void> => {
  const { findings } = await verifyDatabase({ url: test.databaseUrl, directive: null, quick: false })
  expect(findings.filter(({ key }) => key.startsWith(`${world.owner}/`))).toEqual([])
}

/** The slot g1, as its registry has stored that it granted it to the directive. */
const storeGrant = async (id: string): Promise<void> => {
  const { owner } = world
  await test.sql`
    insert into writ.grants (owner, id, directive, number, daemon, session, role, requirement, recalled, at)
    values (${owner}, 'g1', ${actorKey(owner, id)}, 1, 'd', 's', 'worker', 'x', false, writ.now())`
  test.engine.host.memory.registries.delete(owner)
}
/** As the commit of a grant has it: what the directive needed is served. */
const storeServed = async (id: string): Promise<void> => {
  const [{ lines } = expect.unreachable()] = await needsOf(id)
  const served = lines.map((line) => ({ ...line, count: 0 }))
  await test.sql`
    update writ.needs set granted = 1, lines = ${test.sql.json(served as never)}
    where directive = ${actorKey(world.owner, id)}`
}
const needsOf = (id: string) =>
  test.sql<{ lines: { count: number }[] }[]>`
    select lines from writ.needs where directive = ${actorKey(world.owner, id)}`
const grants = () => test.sql`select from writ.grants where owner = ${world.owner}`

/** A directive whose step has stopped when its directive could not hear of it: the answer waits behind what is parked. */
const stoppedUnheard = async (): Promise<string> => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ plan: planOf({ a: [] }) })
  const spawn = await daemon.spawned('worker a')
  await put(id, stepId(id, 1, 0), unreadable)
  await parkedLine()
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'step_cancelled')
  return id
}

it('R46: a directive that is being cancelled comes to its end though the word that its step has stopped is dropped', async () => {
  const id = await stoppedUnheard()
  await makeDeadly(id, 'step.stopped')
  await dropIt()
  expect(await parkedLine()).toMatchObject({ type: 'step.stopped' })
  expect((await dropIt()).told).toContain('asks its steps to stop anew')
  await world.until(id, 'directive_cancelled')
  await verified()
})

it('R46 R50: dropping what a step has said of how it ended costs no retry; it is told to stop, and answers, anew', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const spawn = await daemon.spawned('worker a')
  await test.end()
  await put(id, stepId(id, 1, 0), pack({ type: 'step.stopped', index: 0 }), deadly)
  await test.start()
  await parkedLine()
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  await dropIt()
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  await world.client.directive(id).retry()
  await daemon.done(await daemon.spawned('worker a', 2))
  await world.until(id, 'directive_completed')
  await verified()
})

it('R50: a directive of which a word was dropped that a retry would need is not retried, and says why', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  const spawn = await daemon.spawned('worker a')
  await put(id, stepId(id, 1, 0), unreadable)
  await parkedLine()
  await daemon.done(spawn)
  await world.until(id, 'step_passed')
  const worker = await daemon.spawned('worker b')
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  await daemon.failed(worker, 'stopped')
  await makeDeadly(id, 'step.passed')
  await dropIt()
  expect(await parkedLine()).toMatchObject({ type: 'step.passed' })
  expect((await dropIt()).told).toContain('a retry would need it')
  await world.until(id, 'directive_cancelled')
  for (const retry of [() => world.client.directive(id).retry(), () => world.client.step(stepId(id, 1, 0)).retry()])
    expect(await refusal(retry())).toMatchObject({
      ...{ code: 'REFUSED', message: expect.stringContaining('a message was dropped') as string },
      hint: expect.stringContaining('message_dropped') as string,
    })
  await verified()
})

it('R50: what a retry would need is not dropped while the directive is parked, which could be retried before it hears of that', async () => {
  const { owner } = world
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: ['a'] }) })
  const spawn = await daemon.spawned('worker a')
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  await test.end()
  await put(stepId(id, 1, 1), stepId(id, 1, 0), pack({ type: 'dependency.passed' }), deadly)
  await test.sql`insert into writ.faulted (key, reason, at) values (${actorKey(owner, id)}, 'a fault', 2)`
  await test.start()
  await expect.poll(async () => (await lines()).length, { timeout: 20_000 }).toBe(2)
  const word = (await lines()).find(({ type }) => type === 'dependency.passed')?.id ?? ''
  const dropping = (): Promise<{ told: string }> => world.client.parked.drop({ id: word, why: 'away with it' })
  expect(await refusal(dropping())).toMatchObject({ code: 'PARKED', message: expect.stringContaining(id) as string })
  await world.client.parked.retry({ id })
  expect((await dropping()).told).toContain('a retry would need it')
  expect(await refusal(world.client.directive(id).retry())).toMatchObject({ code: 'REFUSED' })
  await verified()
})

it('R46: what a directive that is ending failed at can be dropped: without that it goes on, and comes to its end', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const spawn = await daemon.spawned('worker a')
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  // Its machine throws at it: `merged` is missing.
  await put(id, stepId(id, 1, 0), pack({ type: 'step.passed', index: 0 }), {
    tries: parkTriesMax - 1,
    reason: 'a fault',
  })
  const line = await parkedLine()
  expect(line).toMatchObject({ id, type: 'step.passed' })
  const { told } = await world.client.parked.drop({ id: line.message ?? '', why: 'it is poison' })
  expect(told).toContain(`${id} goes on without it`)
  expect(await lines()).toEqual([])
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  expect(await refusal(world.client.directive(id).retry())).toMatchObject({ code: 'REFUSED' })
  await verified()
})

it('R46: what a directive says and hears once it goes on without a word overtakes nothing that waits for it', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null, slots: 2 })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  const workers = [await daemon.spawned('worker a'), await daemon.spawned('worker b')] as const
  await world.client.directive(id).cancel()
  await put(id, stepId(id, 1, 0), pack({ type: 'step.passed', index: 0 }), {
    tries: parkTriesMax - 1,
    reason: 'a fault',
  })
  const line = await parkedLine()
  await daemon.failed(workers[1], 'stopped')
  await waits(id, 'step.stopped')
  await world.client.parked.drop({ id: line.message ?? '', why: 'it is poison' })
  await daemon.failed(workers[0], 'stopped')
  await world.until(id, 'directive_cancelled')
  const commits = (await journalOf(id)).map((types) => types.filter((type) => type !== undefined))
  // Step b is asked anew, and would have answered in that commit, before its first answer was taken.
  expect(commits.filter((types) => types.includes('message.dropped'))).toEqual([['message.dropped']])
  await verified()
})

it('R50: a directive hears that a retry would need what was dropped before anybody can retry it', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const spawn = await daemon.spawned('worker a')
  await world.client.directive(id).cancel()
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  const fault = { tries: parkTriesMax - 1, reason: 'a fault' }
  await put(id, stepId(id, 1, 0), pack({ type: 'step.passed', index: 0 }), fault)
  const line = await parkedLine()
  await put(id, stepId(id, 1, 0), pack({ type: 'step.stopped', index: 0 }))
  const [last] = await test.sql<{ id: string }[]>`select max(id) as id from writ.messages`
  // It did not fail at what waits behind that: to drop it would not have the directive go on.
  const drop = world.client.parked.drop({ id: `${id}__m${last?.id}`, why: 'it is poison' })
  expect(await refusal(drop)).toMatchObject({ code: 'PARKED' })
  await world.client.parked.drop({ id: line.message ?? '', why: 'it is poison' })
  expect(await refusal(world.client.directive(id).retry())).toMatchObject({ code: 'REFUSED' })
  await expect.poll(async () => (await test.sql`select from writ.messages`).length, { timeout: 10_000 }).toBe(0)
  await verified()
})

it('R50: a root that never began, for its dispatch was dropped, begins with the retry', async () => {
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null, slots: 2 })
  const id = await world.create({ evaluate: false, plan: planOf({ a: [], b: [] }) })
  await put(stepId(id, 1, 1), id, pack({ type: 'dispatch' }), deadly)
  await parkedLine()
  await world.client.directive(id).start()
  const spawn = await daemon.spawned('worker a')
  await makeDeadly(stepId(id, 1, 1), 'dispatch')
  await world.client.directive(id).cancel()
  await daemon.ordered('cancel')
  await daemon.failed(spawn, 'stopped')
  await world.until(id, 'directive_cancelled')
  await dropIt()
  expect(await parkedLine()).toMatchObject({ type: 'dispatch' })
  await dropIt()
  await world.client.directive(id).retry()
  await daemon.done(await daemon.spawned('worker a', 2))
  await daemon.done(await daemon.spawned('worker b'))
  await world.until(id, 'directive_completed')
  await verified()
})

it('R41: what is lacking is told anew once an audit has found a slot that was counted as on its way to it', async () => {
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  await expect.poll(async () => (await needsOf(id)).length).toBe(1)
  await storeServed(id)
  await storeGrant(id)
  await put(id, registryId, pack({ type: 'grant.audit', grants: ['g1'] }))
  test.engine.mailbox.look(test.engine.holder.shards)
  const daemon = await world.daemon('d', { work: () => null })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  await verified()
})

it('R41: what a dropped grant was for is asked for anew', async () => {
  const id = await world.start({ plan: planOf({ a: [] }) })
  await expect.poll(async () => (await needsOf(id)).length).toBe(1)
  await put(id, registryId, pack({ type: 'grant', grant: { id: 'g1', number: 1, daemon: 'd', requirement: 'x' } }))
  await parkedLine()
  await storeServed(id)
  await storeGrant(id)
  expect((await dropIt()).told).toBe('the slot goes back to the registry')
  const daemon = await world.daemon('d', { work: () => null })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  await verified()
})

it('R41: a grant at which threads ended does not count as new either, when it is put back', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  await world.start({ evaluate: false, plan: planOf({ b: [] }) })
  const worker = await daemon.spawned('worker b')
  const id = await world.start({ evaluate: false, plan: planOf({ a: [] }) })
  const offer = {
    ...{ id: 'gone1', number: 1, daemon: 'd', session: 's-d', roles: ['worker'], labels: {}, inbox: null },
    ...{ executors: ['shell', 'command', 'checks'], requirement: '["worker",null,[]]' },
  }
  await put(id, registryId, pack({ type: 'grant', grant: offer }), deadly)
  await retryIt()
  await expect.poll(async () => (await test.sql`select from writ.messages`).length, { timeout: 10_000 }).toBe(0)
  expect(await test.sql`select from writ.held where id = 'gone1'`).toEqual([])
  await verified()
  await daemon.done(worker)
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  await verified()
})

it('R41: an old need that is put back does not win over what the directive has told its registry since', async () => {
  const id = await world.create({ plan: planOf({ a: [] }) })
  const key = actorKey(world.owner, id)
  // What it told when it lacked nothing.
  await put(registryId, id, pack({ type: 'need', directive: key, lines: [], seen: 0 }), deadly)
  await parkedLine()
  await world.client.directive(id).start()
  await expect.poll(async () => (await needsOf(id)).length).toBe(1)
  expect((await retryIt()).told).toBe(`${id} tells the registry anew what it needs`)
  await expect.poll(async () => (await test.sql`select from writ.messages`).length, { timeout: 10_000 }).toBe(0)
  expect(await needsOf(id)).toHaveLength(1)
  const daemon = await world.daemon('d', { work: () => null })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  await verified()
})

it('R41: of a slot whose return is put back or dropped the directive is asked anew, and it is given back', async () => {
  const id = await world.create({ plan: planOf({ a: [] }) })
  const { owner } = world
  const key = actorKey(owner, id)
  for (const decide of [retryIt, dropIt]) {
    await storeGrant(id)
    const release = { type: 'release', directive: key, grants: [{ id: 'g1', suspect: false, unspent: true }] }
    await put(registryId, id, pack(release), deadly)
    expect((await decide()).told).toBe(`${id} tells the registry anew what it needs`)
    await expect.poll(async () => (await grants()).length, { timeout: 10_000 }).toBe(0)
  }
  await verified()
})

it('R41: what a registry asks is answered when it is dropped', async () => {
  const id = await world.create({ plan: planOf({ a: [] }) })
  await storeGrant(id)
  await put(id, registryId, pack({ type: 'grant.audit', grants: ['g1'] }), deadly)
  expect((await dropIt()).told).toContain('has told the registry')
  await expect.poll(async () => (await grants()).length, { timeout: 10_000 }).toBe(0)
  await verified()
})
