/** Daemons that misbehave, written over the bare subjects: what they do hurts their own tasks at most, and an owner beside them goes on. */
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection } from '../../src/bus/connection.ts'
import { daemonLeaseMs } from '../../src/protocol/limits.ts'
import { retried } from '../../src/bus/retry.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { systemClock, systemRandom } from '../../src/system.ts'
import { call } from '../cli/call.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { Waiting } from '../support/waiting.ts'
import { planOf, refusal, type World } from '../support/world.ts'
import { othersGoOn } from './healthy.ts'

let test: TestEngine
let raw: NatsConnection
beforeAll(async () => {
  test = await startTestEngine()
  raw = await openConnection({ url: test.natsUrl, name: 'outsider' })
})
afterAll(async () => {
  await raw.close()
  await test.stop()
})

const offer = { slots: 1, roles: ['planner', 'worker', 'evaluator', 'merger'], executors: ['shell'] }
const accepts = '{"accepted": true}'

/** A daemon that says of itself only what it is told to, and answers a spawn with these bytes (null: not at all). */
class BadDaemon {
  readonly spawns: Spawn[] = []
  readonly #waiting = new Waiting()
  readonly #at: string
  readonly #owner: string
  readonly session: string

  constructor({ owner }: World, name: string, answer: (nth: number) => Uint8Array | string | null, session = name) {
    this.#owner = owner
    this.#at = `writ.v1.${owner}.daemon.${name}`
    this.session = session
    raw.subscribe(`${this.#at}.${session}.*`, {
      callback: (_error, message) => {
        if (message.subject.endsWith('.spawn')) this.spawns.push(message.json<Spawn>())
        const said = message.subject.endsWith('.spawn') ? answer(this.spawns.length) : accepts
        if (said !== null) message.respond(said)
        this.#waiting.look()
      },
    })
  }

  hello(more: object = {}): Promise<unknown> {
    // The registry of a new owner listens a moment later.
    const time = { clock: systemClock, random: systemRandom }
    const body = { session: this.session, ...offer, ...more }
    return retried(time, 20_000, () => test.bus.request(`${this.#at}.hello`, body, 10_000))
  }

  beat(more: object = {}): Promise<unknown> {
    return test.bus.request(`${this.#at}.beat`, { session: this.session, running: [], ...more }, 10_000)
  }

  spawned(nth: number): Promise<Spawn> {
    const what = (): string => `spawn ${nth}; there came ${this.spawns.length}`
    return this.#waiting.until(() => this.spawns[nth - 1], what)
  }

  report({ task: { address, attempt, nonce } }: Spawn, verb: string, more: object = {}): Promise<unknown> {
    const [name = ''] = this.#at.split('.').slice(-1)
    const subject = `writ.v1.${this.#owner}.report.${address}.${name}.${verb}`
    return test.bus.request(subject, { attempt, nonce, session: this.session, ...more }, 30_000)
  }
}

const bad = (world: World, answer: (nth: number) => Uint8Array | string | null = () => accepts): BadDaemon =>
  new BadDaemon(world, 'bad', answer)
const one = { plan: planOf({ a: [] }), evaluate: false }
const waitsFor = async (world: World, id: string): Promise<string | null | undefined> =>
  (await world.view(id)).stepList[0]?.waiting
const uncounted = { received: true, counted: false }

it('R43: one that dies in the middle of its task loses it after its lease, and another one does it', async () => {
  const world = await test.world()
  const daemon = bad(world)
  await daemon.hello()
  const id = await world.start(one)
  const spawn = await daemon.spawned(1)
  await othersGoOn(test)
  await world.daemon('good')
  // As if the lease had passed.
  const { presence } = test.engine.host
  const heard = presence.get(`${world.owner}/bad`) ?? expect.unreachable()
  presence.set(`${world.owner}/bad`, { ...heard, seenAt: heard.seenAt - daemonLeaseMs })
  await world.until(id, 'directive_completed')
  expect(await daemon.report(spawn, 'done')).toEqual(uncounted)
  const { attempts } = await world.task(`${id}__1_0`, 1)
  expect(attempts.map(({ as, daemon: name }) => [as, name])).toEqual([
    ['lost', 'bad'],
    ['done', 'good'],
  ])
})

it('R39: one without slots is known and gets nothing, until it says that it has some', async () => {
  const world = await test.world()
  const daemon = bad(world)
  await daemon.hello({ slots: 0 })
  const id = await world.start(one)
  await daemon.beat()
  await othersGoOn(test)
  expect(await waitsFor(world, id)).toBe('a slot for a worker')
  expect(daemon.spawns).toEqual([])
  await daemon.beat({ slots: 1 })
  expect(await daemon.report(await daemon.spawned(1), 'done')).toMatchObject({ counted: true })
  await world.until(id, 'directive_completed')
})

it('R39 R43: of two with one name the second is refused, whatever it says then; the first goes on', async () => {
  const world = await test.world()
  const first = new BadDaemon(world, 'twin', () => accepts, 's1')
  const second = new BadDaemon(world, 'twin', () => accepts, 's2')
  await first.hello()
  const id = await world.start(one)
  const spawn = await first.spawned(1)
  expect(await refusal(second.hello())).toMatchObject({ code: 'NAME_TAKEN', hint: expect.stringContaining('--name') })
  expect(await second.beat({ slots: 50 })).toMatchObject({ known: false })
  expect(await second.report(spawn, 'done')).toEqual(uncounted)
  await test.bus.request(`writ.v1.${world.owner}.daemon.twin.bye`, { session: 's2' }, 10_000)
  await othersGoOn(test)
  expect(await first.beat()).toMatchObject({ known: true })
  expect(await first.report(spawn, 'done')).toMatchObject({ counted: true })
  await world.until(id, 'directive_completed')
  expect(second.spawns).toEqual([])
})

it('R46: one that floods is answered, changes nothing by it, and holds nobody up', async () => {
  const world = await test.world()
  const daemon = bad(world)
  await daemon.hello()
  const id = await world.start(one)
  const spawn = await daemon.spawned(1)
  const unknown = { ...spawn, task: { ...spawn.task, address: `${spawn.task.address}9` } }
  const flood = Array.from({ length: 1_000 }, (_, at) => [
    daemon.beat({ running: [`${spawn.task.id}/1`], slots: at % 3 }),
    daemon.report(spawn, 'progress', { text: 'x'.repeat(4_000) }),
    daemon.report(unknown, 'done'),
    daemon.report({ ...spawn, task: { ...spawn.task, nonce: `n${at}` } }, 'failed', { reason: 'x' }),
    ...(at % 5 === 0 ? [daemon.hello({ running: [`${spawn.task.id}/1`] })] : []),
  ]).flat()
  await othersGoOn(test)
  const said = await Promise.allSettled(flood)
  // Too many at once may be told so; nobody is left without an answer.
  const refusals = said.flatMap((each) => (each.status === 'rejected' ? [(each.reason as { code: string }).code] : []))
  expect(refusals.filter((code) => code !== 'BUSY')).toEqual([])
  expect((await world.task(`${id}__1_0`, 1)).attempts.map(({ as }) => as)).toEqual([null])
  expect(await daemon.report(spawn, 'done')).toMatchObject({ counted: true })
  await world.until(id, 'directive_completed')
}, 120_000)

it('R28: one that accepts and says nothing more leaves its task running, and a person may end it', async () => {
  const world = await test.world()
  const daemon = bad(world)
  await daemon.hello()
  const id = await world.start(one)
  const spawn = await daemon.spawned(1)
  await othersGoOn(test)
  await expect.poll(() => waitsFor(world, id), { timeout: 10_000 }).toBe('the worker, attempt 1')
  await world.client.task(spawn.task.id).end({ outcome: 'done', result: 'by hand', force: true })
  await world.until(id, 'directive_completed')
  expect(await daemon.report(spawn, 'failed', { reason: 'late' })).toEqual(uncounted)
})

it('R42: one that refuses everything for want of room is asked once for each of its beats, and another does the work', async () => {
  const world = await test.world()
  const daemon = bad(world, () => '{"error": {"code": "BUSY", "message": "no room"}}')
  await daemon.hello()
  const id = await world.start(one)
  await daemon.spawned(1)
  let beats = 0
  const asked = async (): Promise<number> => {
    beats++
    await daemon.beat()
    return daemon.spawns.length
  }
  await expect.poll(asked, { timeout: 20_000 }).toBeGreaterThan(3)
  expect(daemon.spawns.length).toBeLessThanOrEqual(beats + 1)
  expect((await world.view(id)).status).toBe('active')
  await othersGoOn(test)
  await world.daemon('good')
  await world.until(id, 'directive_completed')
  const { attempts } = await world.task(`${id}__1_0`, 1)
  expect(new Set(attempts.slice(0, -1).map(({ as }) => as))).toEqual(new Set(['refused']))
  expect(attempts.at(-1)).toMatchObject({ as: 'done', daemon: 'good' })
})

describe('one that answers a spawn', () => {
  const garbage: [what: string, bytes: Uint8Array | string][] = [
    ['with nothing', ''],
    ['with no JSON', 'yes'],
    ['with bytes', Uint8Array.of(0xff, 0x00, 0xfe)],
    ['with a list', '[]'],
    ['with null', 'null'],
    ['with an object of something else', '{"ok": true}'],
    ['that it did not accept', '{"accepted": false}'],
    ['with an acceptance that is a text', '{"accepted": "true"}'],
    ['with an error that nobody knows', '{"error": {"code": "OUCH", "message": "x"}}'],
    ['with an error that is none', '{"error": 5}'],
    ['with what reaches for prototypes', '{"__proto__": {"accepted": true}}'],
    ['with lists in lists', '['.repeat(10_000)],
    ['with 600,000 characters', `{"accepted": true, "x": "${'x'.repeat(600_000)}"}`],
  ]
  it.concurrent.each(garbage)('R28: %s has not accepted: a failure of the means, tried again', async (_what, bytes) => {
    const world = await test.world()
    const daemon = bad(world, (nth) => (nth === 1 ? bytes : accepts))
    await daemon.hello()
    const id = await world.start(one)
    const first = await daemon.spawned(1)
    expect((await daemon.spawned(2)).task.attempt).toBe(2)
    expect(await daemon.report(first, 'done')).toEqual(uncounted)
    expect(await daemon.report(await daemon.spawned(2), 'done')).toMatchObject({ counted: true })
    await world.until(id, 'directive_completed')
    const { attempts } = await world.task(`${id}__1_0`, 1)
    expect(attempts[0]).toMatchObject({ as: 'failed', reason: expect.stringMatching(/^the spawn was refused: /) })
  })
})

describe('a hello', () => {
  const labels = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${at}`, 'x']))
  const absurd: [what: string, more: object, says: RegExp][] = [
    ['with NaN slots', { slots: Number.NaN }, /slots/],
    ['with a billion slots', { slots: 1e9 }, /slots.*1000/],
    ['with endless slots', { slots: Number.POSITIVE_INFINITY }, /slots/],
    ['with slots below none', { slots: -1 }, /slots/],
    ['with half a slot', { slots: 0.5 }, /slots/],
    ['with slots as a text', { slots: '4' }, /slots/],
    ['with 10,000 labels', { labels: labels(10_000) }, /labels: at most 32 labels/],
    ['with a label too many', { labels: labels(33) }, /labels: at most 32 labels/],
    ['with a label of 64 characters', { labels: { l: 'x'.repeat(64) } }, /labels\.l/],
    ['with a label that is a list', { labels: { l: [] } }, /labels\.l/],
    ['with labels that are a list', { labels: ['gpu'] }, /labels/],
    ['with unknown roles', { roles: ['worker', 'king'] }, /roles\.1/],
    ['without roles', { roles: [] }, /roles/],
    ['with a role that is none', { roles: 'worker' }, /roles/],
    ['with 51 executors', { executors: Array.from({ length: 51 }, (_, at) => `e${at}`) }, /executors/],
    ['with 1,001 tasks that run', { running: Array(1001).fill('x/1') }, /running/],
    ['with a session of 101 characters', { session: 's'.repeat(101) }, /session/],
    ['without a session', { session: '' }, /session/],
    ['with a version of 10 kB', { version: 'x'.repeat(10_000) }, /version/],
    ['that may be draining', { draining: 'maybe' }, /draining/],
  ]
  it.each(absurd)('R46: %s is refused, and there is no such daemon', async (_what, more, says) => {
    const world = await test.world()
    const refused = await refusal(bad(world).hello(more))
    expect(refused.code).toBe('BAD_INPUT')
    expect(refused.faults?.join('\n')).toMatch(says)
    expect(await world.client.listDaemons()).toMatchObject({ lines: [] })
  })
})

describe('where no daemon', () => {
  const lacking: [what: string, needs: object | undefined, offered: object | null, waiting: string][] = [
    ['is there', undefined, null, 'a slot for a worker'],
    ['has the role', undefined, { roles: ['evaluator'] }, 'a slot for a worker'],
    [
      'has the label',
      { worker: { labels: { gpu: 'yes' } } },
      { labels: { gpu: 'no' } },
      'a slot for a worker with label gpu=yes',
    ],
    ['has the executor', { worker: { executor: 'agent' } }, {}, 'a slot for a worker with the executor agent'],
    [
      'has both',
      { worker: { labels: { os: 'x', gpu: 'yes' }, executor: 'agent' } },
      {},
      'a slot for a worker with labels gpu=yes, os=x and the executor agent',
    ],
  ]
  it.each(lacking)(
    'R39 R41: %s the directive waits, and show says so; then one comes',
    async (_what, needs, offered, waiting) => {
      const world = await test.world()
      const daemon = bad(world)
      if (offered !== null) await daemon.hello(offered)
      const id = await world.start({ ...one, ...(needs === undefined ? {} : { needs }) })
      await othersGoOn(test)
      const env = { WRIT_NATS_URL: test.natsUrl, WRIT_OWNER: world.owner }
      const { out, code } = await call(['directive', 'show', id], { env })
      expect(code).toBe(0)
      expect(out).toContain(`\t${waiting}\t`)
      expect(daemon.spawns).toEqual([])
      await world.daemon('good', { labels: { gpu: 'yes', os: 'x' }, executors: ['shell', 'agent'] })
      await world.until(id, 'directive_completed')
    },
  )
})

it('R46: after all of these a directive of another owner runs to its end', () => othersGoOn(test))
