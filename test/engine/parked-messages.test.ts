/** A message that fails whatever is tried is parked and the rest goes on; a person sees it, tries it again or drops it. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { pack, packSnapshot } from '../../src/actors/codec.ts'
import { type ActorKey, actorKey, addressOf, registryId, shardOf, stepId, taskId } from '../../src/protocol/ids.ts'
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

const one = planOf({ a: [] })

interface Put {
  to: string
  from?: string
  body: Uint8Array
  tries?: number
  reason?: string | null
}

/** Lays a message into a mailbox, as a commit would have done; its id. */
const put = async ({ to, from = 'stream', body, tries = 0, reason = null }: Put): Promise<number> => {
  const { owner } = world
  const sender = from === 'stream' ? from : actorKey(owner, from)
  const [row] = await test.sql<{ id: string }[]>`
    insert into writ.messages (shard, "to", "from", body, tries, reason)
    values (${shardOf(owner, to)}, ${actorKey(owner, to)}, ${sender}, ${Buffer.from(body)}, ${tries}, ${reason})
    returning id`
  return Number(row?.id)
}

const lines = async () => (await world.client.parked.list()).lines
/** The line of the n-th thing that is parked. Mailboxes are looked into without waiting for the next sweep. */
const parkedLine = async (nth = 1) => {
  const counted = async (): Promise<number> => {
    test.engine.mailbox.look(test.engine.holder.shards)
    return (await lines()).length
  }
  await expect.poll(counted, { timeout: 20_000 }).toBe(nth)
  return (await lines())[nth - 1] ?? expect.unreachable()
}
const inMailbox = (to: string): Promise<object[]> =>
  test.sql`select id from writ.messages where "to" = ${actorKey(world.owner, to)}`

/** A text that ends early. */
const unreadable = Buffer.from([0xa5, 0x61])
/** A plain publish as the stream brings it, but for one field of a type that nothing can be done with. */
const poison = pack({
  ...{ type: 'published', noun: 'contract', verb: 'complete' },
  ...{ id: ['x__1_0__c1'], body: { token: 'tell nobody' } },
})
const publishOf = (task: string): Uint8Array =>
  pack({ type: 'published', noun: 'task', verb: 'done', id: task, body: { result: 'by hand' } })

it('a poison message is parked after as many tries as are allowed, and what is behind it is taken', async () => {
  const id = await world.start({ plan: one })
  await world.until(id, 'step_running')
  const number = await put({ to: id, body: poison })
  await put({ to: id, body: publishOf(taskId(stepId(id, 1, 0), 1)) })
  const line = await parkedLine()
  await world.until(id, 'step_evaluating')
  expect(line).toMatchObject({
    id: `${id}__m${number}`,
    kind: 'message',
    actor: { id, address: addressOf(world.owner, id), kind: 'directive' },
    ...{ directive: id, step: null, message: line.id, type: 'published', from: 'stream', tries: parkTriesMax },
    next: `writ parked show ${line.id}`,
  })
  expect(line.reason.length).toBeGreaterThan(0)
  expect(Math.abs(Date.parse(line.since) - Date.now())).toBeLessThan(60_000)
  expect(await inMailbox(id)).toEqual([])
  expect(await world.view(id)).toMatchObject({ parked: null })
})

it('a message at which as many threads ended as are allowed is parked without another try, and says why', async () => {
  const id = await world.create({})
  const reason = `${endedThread}for a test`
  const body = publishOf(taskId(stepId(id, 1, 0), 1))
  const message = await put({ to: id, body, tries: parkTriesMax, reason })
  expect(await parkedLine()).toMatchObject({
    kind: 'message',
    message: `${id}__m${message}`,
    tries: parkTriesMax,
    reason,
  })
})

it('one is shown with its message, but not with what is secret in it, and to nobody else', async () => {
  const id = await world.create({})
  await put({ to: id, body: poison })
  const first = await parkedLine(1)
  await put({ to: id, from: stepId(id, 1, 0), body: unreadable })
  const second = await parkedLine(2)
  expect(await world.client.parked.show({ id: first.id })).toMatchObject({
    ...first,
    body: { type: 'published', noun: 'contract', body: { token: '[redacted]' } },
    bytes: poison.length,
  })
  expect(await world.client.parked.show({ id: second.id })).toMatchObject({
    ...{ id: second.id, type: null, from: stepId(id, 1, 0), body: null, bytes: 2 },
  })
  const other = await test.world()
  for (const call of [
    () => other.client.parked.show({ id: first.id }),
    () => other.client.parked.retry({ id: first.id }),
    () => other.client.parked.drop({ id: first.id, why: 'not mine' }),
    () => world.client.parked.show({ id: `other__m${/\d+$/.exec(first.id)?.[0]}` }),
    () => world.client.parked.retry({ id: 'nothing' }),
    () => world.client.parked.drop({ id: 'nothing', why: 'it is not there' }),
    () => world.client.parked.drop({ id, why: 'it is an actor, and not parked' }),
  ])
    expect(await refusal(call())).toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('writ parked list'),
    })
  expect(await lines()).toHaveLength(2)
})

it('R45: a message that is tried again goes back to its place once the reason is gone, and is taken once', async () => {
  const id = await world.start({ plan: one })
  await world.until(id, 'step_running')
  const number = await put({ to: id, body: poison })
  const line = await parkedLine()
  const task = taskId(stepId(id, 1, 0), 1)
  await test.sql`update writ.parked set body = ${Buffer.from(publishOf(task))} where message = ${number}`
  const command = 'once'
  const done = await world.client.parked.retry({ id: line.id, command })
  expect(done).toMatchObject({ parked: { id: line.id }, actor: { id } })
  await world.until(id, 'step_evaluating')
  expect(await world.client.parked.retry({ id: line.id, command })).toEqual(done)
  expect(await lines()).toEqual([])
  expect(await refusal(world.client.parked.retry({ id: line.id }))).toMatchObject({ code: 'NOT_FOUND' })
})

it('one that fails still is parked again, under the same id', async () => {
  const id = await world.create({})
  await put({ to: id, body: poison })
  const line = await parkedLine()
  await world.client.parked.retry({ id: line.id })
  await expect.poll(async () => (await parkedLine()).since !== line.since, { timeout: 20_000 }).toBe(true)
  expect(await parkedLine()).toMatchObject({ id: line.id, tries: parkTriesMax })
})

it('R47: a message that nobody waits for can be dropped, and the history says by whom and why', async () => {
  const id = await world.create({})
  await put({ to: id, body: poison })
  const line = await parkedLine()
  const why = 'it was published by mistake'
  const dropped = await world.client.parked.drop({ id: line.id, why, by: 'ada' })
  expect(dropped).toMatchObject({ parked: { id: line.id }, told: 'nobody waits for it' })
  expect(await world.until(id, 'message_dropped')).toMatchObject({
    ...{ severity: 'warn', source: 'user' },
    data: { message: line.id, type: 'published', from: 'stream', to: id, reason: line.reason, why, by: 'ada' },
  })
  expect(await lines()).toEqual([])
  expect(await test.sql`select from writ.parked where actor = ${actorKey(world.owner, id)}`).toEqual([])
  await verified()
})

it('R46: a command to a step is refused while what it was told before is parked, which says so; once that is back, the step answers', async () => {
  const id = await world.start({ plan: one })
  await world.until(id, 'step_running')
  const step = stepId(id, 1, 0)
  await put({ to: step, from: id, body: unreadable })
  const { id: message } = await parkedLine()
  for (const verb of ['evaluate', 'cancel'] as const)
    expect(await refusal(world.client.step(step)[verb]())).toMatchObject({
      ...{ code: 'PARKED', message: `what was told ${step} before is parked, as ${message}` },
      hint: expect.stringContaining(`writ parked retry ${message}`) as string,
    })
  const body = Buffer.from(pack({ type: 'line.moved' }))
  await test.sql`update writ.parked set body = ${body} where actor = ${actorKey(world.owner, step)}`
  await world.client.parked.retry({ id: message })
  expect(await refusal(world.client.step(step).cancel())).toMatchObject({ code: 'REFUSED' })
  expect(await lines()).toEqual([])
})

it('R20 R38: a step that has passed is not evaluated anew while its directive could not hear of it, and be completed without it', async () => {
  const daemon = await world.daemon('d', { work: () => null })
  const checks = [{ name: 'turns', run: 'true' }]
  const id = await world.start({ evaluate: false, plan: one, checks })
  await daemon.done(await daemon.spawned('worker a'))
  const acceptor = await daemon.spawned('evaluator')
  const step = stepId(id, 1, 0)
  await put({ to: id, from: step, body: unreadable })
  const { id: message } = await parkedLine()
  expect(await refusal(world.client.step(step).evaluate())).toMatchObject({
    ...{ code: 'PARKED', message: `what was told ${id} before is parked, as ${message}` },
    hint: expect.stringContaining(`writ parked retry ${message}`) as string,
  })
  await daemon.done(acceptor, { verdict: { passed: true } })
  await world.until(id, 'directive_completed')
  expect(await world.step(id, 0)).toMatchObject({ status: 'passed', evaluations: [] })
})

it('R46: a message that somebody would wait for for ever is not dropped before its directive is cancelled, which it holds up', async () => {
  const id = await world.start({ plan: one })
  await world.until(id, 'step_running')
  await put({ to: id, from: stepId(id, 1, 0), body: unreadable })
  const { id: message } = await parkedLine()
  const refused = await refusal(world.client.parked.drop({ id: message, why: 'away with it' }))
  expect(refused).toMatchObject({ code: 'REFUSED', hint: expect.stringContaining(`writ parked retry ${message}`) })
  expect(await parkedLine()).toMatchObject({ id: message })
  const { directive } = await world.client.directive(id).cancel()
  expect(directive.status).toBe('cancelling')
  await world.client.parked.drop({ id: message, why: 'away with it' })
  await world.until(id, 'message_dropped')
  await world.until(id, 'directive_cancelled')
})

/** That what is stored agrees with itself, journals included; but for what was damaged here. */
const verified = async (): Promise<void> => {
  const { findings } = await verifyDatabase({ url: test.databaseUrl, directive: null, quick: false })
  const mine = findings.filter(({ key }) => key.startsWith(`${world.owner}/`))
  expect(mine).toEqual([])
}

/** Parks an actor as its faults would have done it, at this message. */
const parkAt = async (key: ActorKey, body: Uint8Array): Promise<number> => {
  await test.end()
  const number = await put({ to: key.slice(world.owner.length + 1), body })
  await test.sql`update writ.messages set tries = ${parkTriesMax}, reason = 'a fault' where id = ${number}`
  await test.sql`insert into writ.faulted (key, reason, at) values (${key}, 'a fault', 0)`
  await test.start()
  return number
}

it('an actor that is parked says at which message; it takes all that waits once it is tried again, and no other does', async () => {
  const id = await world.start({ plan: planOf({ a: [], b: [] }) })
  const [step, other] = [stepId(id, 1, 0), stepId(id, 1, 1)]
  await world.until(id, 'step_running', { nth: 2 })
  await test.sql`insert into writ.faulted (key, reason, at) values (${actorKey(world.owner, other)}, 'another fault', 1)`
  const number = await parkAt(actorKey(world.owner, step), publishOf(taskId(step, 1)))
  const [line] = await lines()
  expect(line).toMatchObject({
    ...{ id: step, kind: 'step', directive: id, step: 'a', message: `${id}__m${number}`, type: 'published' },
    ...{ tries: parkTriesMax, mailbox: 1, next: `writ parked retry ${step}` },
  })
  expect(await world.client.parked.show({ id: `${id}__m${number}` })).toMatchObject({
    kind: 'message',
    actor: { id: step },
  })
  expect(await refusal(world.client.parked.drop({ id: step, why: 'away' }))).toMatchObject({
    code: 'BAD_INPUT',
    hint: expect.stringContaining(`writ parked show ${step}`) as string,
  })
  await world.client.parked.retry({ id: step })
  await world.until(id, 'step_evaluating', { step: 0 })
  expect((await lines()).map(({ id: left }) => left)).toEqual([other])
})

it('R28: a report that is dropped at a parked step is told it as a lost attempt, and tried again', async () => {
  // It says nothing when it is stopped either.
  const daemon = await world.daemon('d', { work: () => null, cancelled: () => null })
  const id = await world.start({ plan: one })
  const spawn = await daemon.spawned('worker a')
  const step = stepId(id, 1, 0)
  const { attempt, nonce } = spawn.task
  const number = await parkAt(
    actorKey(world.owner, step),
    pack({ type: 'task.done', attempt, nonce, result: 'poison', commit: null }),
  )
  const { told } = await world.client.parked.drop({ id: `${id}__m${number}`, why: 'it makes the step fail' })
  expect(told).toContain('attempt 1 is lost')
  await world.client.parked.retry({ id: step })
  await world.until(id, 'message_dropped')
  await world.until(id, 'task_retry')
  expect((await world.task(step, 1)).attempts[0]?.closed).not.toBeNull()
  await verified()
})

it('R41: a message whose commit the database refuses is parked alone; dropped, it is told the registry anew, and served', async () => {
  const id = await world.start({ plan: one })
  const lines = [{ role: 'worker', labels: {}, executor: null, count: 1, priority: 5, since: 0 }]
  const need = { type: 'need', directive: actorKey(world.owner, id), lines, seen: 2 ** 40 }
  await put({ to: registryId, from: id, body: pack(need) })
  const line = await parkedLine()
  expect(line).toMatchObject({
    id: expect.stringMatching(/^__registry__m\d+$/),
    directive: null,
    from: id,
    type: 'need',
  })
  expect(line.reason).toContain('integer')
  // As if that had been all that the registry was told.
  test.engine.host.memory.registries.get(world.owner)?.needs.clear()
  await test.sql`delete from writ.needs where owner = ${world.owner}`
  await verified()
  await world.client.parked.drop({ id: line.id, why: 'its number is none', by: 'ada' })
  expect(await world.until(id, 'message_dropped')).toMatchObject({ data: { to: registryId, by: 'ada' } })
  const daemon = await world.daemon('d', { work: () => null })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  await verified()
})

it('R41: a grant that is dropped gives its slot back', async () => {
  const id = await world.start({ plan: one })
  const grant = { id: 'g1', number: 1, daemon: 'd', requirement: 'x' }
  await put({ to: id, from: registryId, body: pack({ type: 'grant', grant }) })
  const line = await parkedLine()
  await test.sql`
    insert into writ.grants (owner, id, directive, number, daemon, session, role, requirement, recalled, at)
    values (${world.owner}, 'g1', ${actorKey(world.owner, id)}, 1, 'd', 's', 'worker', 'x', false, writ.now())`
  await test.end()
  await test.start()
  const { told } = await world.client.parked.drop({ id: line.id, why: 'it names no roles' })
  expect(told).toBe('the slot goes back to the registry')
  const grants = (): Promise<object[]> => test.sql`select id from writ.grants where owner = ${world.owner}`
  await expect.poll(grants, { timeout: 10_000 }).toEqual([])
})

it('R41: a grant that is put back is given back, for its slot may be another’s by now, and what it was for is asked for anew', async () => {
  const id = await world.start({ plan: one })
  const grant = { id: 'g1', number: 2 ** 40, daemon: 'd', requirement: 'x' }
  await put({ to: id, from: registryId, body: pack({ type: 'grant', grant }) })
  const line = await parkedLine()
  await world.client.parked.retry({ id: line.id })
  const daemon = await world.daemon('d', { work: () => null })
  expect((await daemon.spawned('worker a')).directive.id).toBe(id)
  expect((await world.client.parked.list()).lines).toEqual([])
  await verified()
})

it('an actor of a machine that no node knows is listed, and waits for a node that does', async () => {
  const id = await world.start({ plan: one })
  await world.until(id, 'step_running')
  const key = actorKey(world.owner, stepId(id, 1, 0))
  await test.end()
  await test.sql`update writ.actors set machine_version = '99' where key = ${key}`
  await test.start()
  const line = await parkedLine()
  expect(line).toMatchObject({ id: stepId(id, 1, 0), kind: 'step', step: 'a', message: null, next: 'writ node list' })
  expect(line.reason).toContain('step 99')
  const refused = await refusal(world.client.parked.retry({ id: line.id }))
  expect(refused).toMatchObject({ code: 'PARKED', hint: expect.stringContaining('a node that knows its machine') })
})

it('pages of what is parked are in the order of time, and of one directive alone when that is asked for', async () => {
  const [id, other] = [await world.create({}), await world.create({})]
  for (const to of [id, other, id]) await put({ to, body: unreadable })
  await parkedLine(3)
  const first = await world.client.parked.list({ limit: 2 })
  expect(first.lines).toHaveLength(2)
  const rest = await world.client.parked.list({ limit: 2, after: first.next ?? '' })
  expect(rest).toMatchObject({ lines: [expect.anything()], next: null })
  const all = [...first.lines, ...rest.lines].map((line) => line.id)
  expect(new Set(all).size).toBe(3)
  expect((await world.client.parked.list({ directive: id })).lines.map(({ directive }) => directive)).toEqual([id, id])
})

it('a fault of an actor itself is a parked actor, and the message that it failed at can be told from it', async () => {
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }) })
  await world.until(id, 'step_running')
  const key = actorKey(world.owner, stepId(id, 1, 0))
  await test.end()
  await test.sql`update writ.actors set snapshot = ${Buffer.from(packSnapshot('running', {}))} where key = ${key}`
  await put({ to: stepId(id, 1, 0), body: publishOf(taskId(stepId(id, 1, 0), 1)) })
  await test.start()
  const line = await parkedLine()
  expect(line).toMatchObject({ id: stepId(id, 1, 0), kind: 'step' })
})

it('what is parked of a directive that is not there is not found; of one that is there it is nothing', async () => {
  const id = await world.create({})
  expect(await world.client.parked.list({ directive: id })).toEqual({ lines: [], next: null })
  expect(await refusal(world.client.parked.list({ directive: 'nosuch' }))).toMatchObject({
    code: 'NOT_FOUND',
    message: 'there is no directive nosuch',
  })
})
