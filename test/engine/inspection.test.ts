/** Looking inside: what actors take, live under a watch and afterwards from their journals. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { Coalescing } from '../../src/bus/coalescing.ts'
import { decode } from '../../src/bus/json.ts'
import type { InspectOptions } from '../../src/bus/inspection.ts'
import { type RunningObserver, startObserver } from '../../src/observer-of.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { shardOf, stepId } from '../../src/protocol/ids.ts'
import type { HistoryPage, InspectionFrame, InspectOrder, Selection, Sighting } from '../../src/protocol/inspection.ts'
import { inspectionRenewMs } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'
import { joinEngine, startTestEngine, type TestEngine } from '../support/engine.ts'
import { Waiting } from '../support/waiting.ts'
import { chainOf, planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
let observer: RunningObserver
beforeAll(async () => {
  test = await startTestEngine()
  const { databaseUrl, natsUrl, log } = test
  observer = await startObserver({ databaseUrl, nats: { url: natsUrl }, node: 'test', log: (line) => log.push(line) })
})
afterAll(async () => {
  await observer.stop()
  await test.stop()
})

/** Somebody who watches. */
class Watcher {
  readonly frames: InspectionFrame[] = []
  readonly opened: Promise<void>
  readonly #waiting = new Waiting()
  readonly #over = new AbortController()
  readonly #watching: Promise<void>

  constructor({ client }: World, selection: Selection, more: Partial<InspectOptions> = {}) {
    const take = (frame: InspectionFrame): void => {
      this.frames.push(frame)
      this.#waiting.look()
    }
    let opened = (): void => undefined
    this.opened = new Promise((resolve) => (opened = resolve))
    const options = { selection, coalesceMs: 0, take, opened, signal: this.#over.signal }
    this.#watching = client.inspect({ ...options, ...more })
  }

  until(isThere: (frame: InspectionFrame) => boolean): Promise<InspectionFrame> {
    return this.#waiting.until(
      () => this.frames.find(isThere),
      () => `a frame; there came ${this.frames.map(({ type }) => type).join(', ')}`,
    )
  }

  async stop(): Promise<InspectionFrame[]> {
    this.#over.abort()
    await this.#watching
    return this.frames
  }
}

/** Once nothing that happens from now on is missed. */
const watching = async (world: World, selection: Selection, more: Partial<InspectOptions> = {}): Promise<Watcher> => {
  const watcher = new Watcher(world, selection, more)
  await watcher.opened
  return watcher
}

const replayed = async ({ client }: World, selection: Selection, span: object = {}): Promise<InspectionFrame[]> => {
  const frames: InspectionFrame[] = []
  const { signal } = new AbortController()
  await client.replay({ selection, take: (frame) => frames.push(frame), signal, ...span })
  return frames
}

const isIn =
  (id: string, status: string) =>
  (frame: InspectionFrame): boolean =>
    frame.type === '@xstate.snapshot' && frame.sessionId === id && frame.snapshot.tags.includes(status)

const sightings = (frames: readonly InspectionFrame[]) => frames.filter((frame) => frame.type === '@xstate.snapshot')

/** What `nats` brings, with one of so many messages missing. */
const losing = (bus: World['bus'], oneOf: number): InspectOptions['bus'] => {
  let count = 0
  return {
    subscribe: (subject, options, take) =>
      bus.subscribe(subject, options, (message) => (++count % oneOf === 0 ? undefined : take(message))),
  }
}

it('what a watcher is shown of a directive from its beginning to its end is what its journals tell afterwards', async () => {
  const world = await test.world()
  const watcher = await watching(world, { directive: 'same' })
  await world.daemon('d1', { slots: 2 })
  await world.start({ id: 'same', plan: planOf({ a: [], b: [], c: ['a', 'b'] }) })
  await watcher.until(isIn('same', 'completed'))
  const [notice, ...live] = await watcher.stop()
  expect(notice).toMatchObject({
    type: '@writ.notice',
    text: expect.stringContaining('no actor matches yet') as string,
  })
  expect(live).toEqual(await replayed(world, { directive: 'same' }))
  expect(live.filter(({ type }) => type === '@xstate.actor')).toMatchObject(
    ['same', ...[0, 1, 2].map((index) => stepId('same', 1, index))].map((id) => ({
      sessionId: id,
      rootId: 'same',
      parentId: id === 'same' ? undefined : 'same',
      definition: expect.stringContaining('"initial"') as string,
    })),
  )
  const xstates = JSON.parse(JSON.stringify(createActor(createMachine({})).getSnapshot())) as object
  for (const { snapshot } of sightings(live))
    expect(Object.keys(snapshot).toSorted()).toEqual(Object.keys(xstates).toSorted())
  const statuses = sightings(live).flatMap(({ sessionId, snapshot }) => (sessionId === 'same' ? snapshot.tags : []))
  expect([...new Set(statuses)]).toEqual(['draft', 'active', 'completed', 'ended'])
})

it('a watcher that begins in the middle is shown the states as they are, and from then on misses nothing', async () => {
  // Without a daemon nothing more happens to it by itself.
  const world = await test.world()
  await world.start({ id: 'middle', plan: chainOf(2) })
  await world.until('middle', 'step_running')
  const watcher = await watching(world, { directive: 'middle' })
  expect(watcher.frames.map(({ type }) => type)).toEqual(['@xstate.actor', '@xstate.actor'])
  await world.client.directive('middle').cancel()
  await watcher.until(isIn('middle', 'cancelling'))
  const [first] = sightings(await watcher.stop())
  expect(first).toMatchObject({ sessionId: 'middle', event: { type: 'cancel' }, writ: { origin: 'user' } })
})

it('while nobody watches, nothing is made and nothing is sent', async () => {
  const world = await test.world()
  const heard: string[] = []
  const listening = test.bus.subscribe('writ.v1.*.inspect.>', {}, ({ subject }) => heard.push(subject))
  await world.daemon('d1')
  await world.start({ id: 'unseen', plan: chainOf(2) })
  await world.until('unseen', 'directive_completed')
  expect(heard.filter((subject) => subject.includes(world.owner))).toEqual([])
  await listening.drain()
})

it('nothing more is made for a watcher who has gone, and not only once his time is over', async () => {
  const world = await test.world()
  const waiting = new Waiting()
  const [heard, ended]: [string[], string[]] = [[], []]
  const listening = [
    test.bus.subscribe('writ.v1.*.inspect.>', {}, ({ subject }) => heard.push(subject)),
    test.bus.subscribe('writ.v1.sys.all.inspect', {}, ({ body }) => {
      const order = decode(body) as InspectOrder
      if (order.leaseMs === 0) ended.push(order.owner)
      waiting.look()
    }),
  ]
  const watcher = await watching(world, { directive: 'left' })
  await watcher.stop()
  await waiting.until(
    () => ended.find((owner) => owner === world.owner),
    () => 'the end of the watch',
  )
  await world.daemon('d1')
  await world.start({ id: 'left', plan: chainOf(2) })
  await world.until('left', 'directive_completed')
  expect(heard.filter((subject) => subject.includes(world.owner))).toEqual([])
  for (const each of listening) await each.drain()
})

it('what NATS loses on the way to a watcher is read from the journals, and told in its place', async () => {
  const world = await test.world()
  const watcher = await watching(world, { directive: 'lossy' }, { bus: losing(world.bus, 3) })
  await world.daemon('d1', { slots: 1 })
  await world.start({ id: 'lossy', plan: chainOf(4) })
  await world.until('lossy', 'directive_completed')
  // Each of these shows what was lost before it.
  for (let nth = 2; nth < 6; nth++) {
    await world.client.step(stepId('lossy', 1, 0)).evaluate()
    await world.until('lossy', 'step_passed', { step: 0, nth })
  }
  const ofFirst = (): number =>
    sightings(watcher.frames).filter(({ sessionId }) => sessionId === stepId('lossy', 1, 0)).length
  await watcher.until(() => ofFirst() > 20)
  const live = sightings(await watcher.stop())
  for (const id of new Set(live.map(({ sessionId }) => sessionId))) {
    const own = live.filter(({ sessionId }) => sessionId === id)
    expect(own).toEqual(sightings(await replayed(world, { actor: id })).slice(0, own.length))
  }
})

it('what NATS has lost last is told when the watch is renewed, also of what has ended with it', async () => {
  const world = await test.world()
  await world.create({ id: 'lost' })
  const clock = new SimClock()
  const watcher = await watching(world, { actor: 'lost*' }, { bus: losing(world.bus, 1), clock })
  await world.client.directive('lost').cancel()
  await world.until('lost', 'directive_cancelled')
  await clock.run(inspectionRenewMs)
  await watcher.until(isIn('lost', 'cancelled'))
  const live = sightings(await watcher.stop())
  expect(live).toEqual(sightings(await replayed(world, { directive: 'lost' }, { fromVersion: 2 })))
})

it('one that begins while no node says what its machine is, is shown once one does', async () => {
  const world = await test.world()
  const { client } = world
  let lists = 0
  const actors: InspectOptions['actors'] = {
    list: (query) =>
      ++lists === 2 ? Promise.reject(new WritError('NO_ANSWER', 'no node answers')) : client.actors.list(query),
    history: (query) => client.actors.history(query),
    inspect: (command) => client.actors.inspect(command),
  }
  const watcher = await watching(world, { actor: 'silent*' }, { actors })
  await world.create({ id: 'silent' })
  const shown = await watcher.until(({ type }) => type === '@xstate.actor')
  expect(shown).toMatchObject({ sessionId: 'silent', definition: expect.stringContaining('"initial"') as string })
  await watcher.stop()
})

it('actors that another node holds are shown as well, and go on being shown when their node leaves', async () => {
  const world = await test.world()
  const other = await joinEngine(test, 'other', (line) => test.log.push(line))
  await expect.poll(() => other.engine.holder.shards.length, { timeout: 20_000 }).toBeGreaterThan(100)
  const ids = Array.from({ length: 8 }, (_, at) => `n${at}`)
  const watcher = await watching(world, { actor: 'n*' })
  await world.daemon('d1', { slots: 8 })
  for (const id of ids) await world.start({ id, plan: chainOf(2) })
  for (const id of ids) await watcher.until(isIn(id, 'completed'))
  const held = new Set(other.engine.holder.shards)
  const moved = ids.filter((id) => held.has(shardOf(world.owner, id)))
  expect([moved.length > 0, moved.length < ids.length]).toEqual([true, true])
  await other.stop()
  for (const id of moved) {
    await world.client.step(stepId(id, 1, 0)).evaluate()
    await watcher.until(isIn(stepId(id, 1, 0), 'evaluating'))
    await world.until(id, 'step_passed', { step: 0, nth: 2 })
  }
  const live = sightings(await watcher.stop())
  for (const id of ids) {
    const own = live.filter(({ rootId }) => rootId === id)
    expect(own).toEqual(sightings(await replayed(world, { directive: id })).slice(0, own.length))
  }
}, 60_000)

it('at most so many states of an actor are shown in a while, the last one always, and how many were left out', async () => {
  const clock = new SimClock()
  const shown: Sighting[] = []
  const coalescing = new Coalescing(clock, 100, (sighting) => shown.push(sighting))
  const at = (sessionId: string, version: number): Sighting => ({ sessionId, writ: { version } }) as Sighting
  for (const version of [1, 2, 3, 4]) coalescing.take(at('a', version))
  coalescing.take(at('b', 1))
  await clock.run(99)
  expect(shown).toEqual([at('a', 1), at('b', 1)])
  await clock.run(100)
  coalescing.take(at('a', 5))
  coalescing.end()
  const left = { ...at('a', 4), writ: { version: 4, skipped: 2 } }
  expect(shown).toEqual([at('a', 1), at('b', 1), left, at('a', 5)])
})

it('of more actors than wanted the first are shown, with a word about the others', async () => {
  const world = await test.world()
  for (const id of ['c1', 'c2', 'c3']) await world.create({ id })
  const watcher = await watching(world, { kind: 'directive' }, { max: 2 })
  const notice = watcher.frames.find(({ type }) => type === '@writ.notice')
  expect(notice).toMatchObject({ text: expect.stringContaining('showing 2 of 4 actors') as string })
  await watcher.stop()
})

it('no nonce, seed or login is shown, live or replayed', async () => {
  const world = await test.world()
  const watcher = await watching(world, { directive: 'quiet' })
  const daemon = await world.daemon('d1')
  await world.start({ id: 'quiet', plan: chainOf(1), goal: 'use postgres://u:hunter2@db/x' })
  await watcher.until(isIn('quiet', 'completed'))
  const text = JSON.stringify([...(await watcher.stop()), ...(await replayed(world, { directive: 'quiet' }))])
  for (const { task } of daemon.spawns) expect(text).not.toContain(task.nonce)
  expect(text).toContain('[redacted]')
})

it("an owner's watcher is shown nothing of another owner's, whatever it asks for", async () => {
  const [world, stranger] = [await test.world(), await test.world()]
  const watcher = await watching(stranger, { actor: '*' })
  await world.create({ id: 'private' })
  await stranger.create({ id: 'mine' })
  await watcher.until((frame) => 'sessionId' in frame && frame.sessionId === 'mine')
  expect(JSON.stringify(await watcher.stop())).not.toContain('private')
  const { code } = await refusal(replayed(stranger, { directive: 'private' }))
  expect(code).toBe('NOT_FOUND')
})

it('histories come in pages of any size, and a page begins where the one before has ended', async () => {
  const world = await test.world()
  await world.daemon('d1', { slots: 2 })
  await world.start({ id: 'long', plan: chainOf(3) })
  await world.until('long', 'directive_completed')
  const whole = await world.client.actors.history({ directive: 'long' })
  for (const limit of [1, 3, 7]) {
    const pages: Sighting[] = []
    let after: string | null = null
    do {
      const page: HistoryPage = await world.client.actors.history({
        directive: 'long',
        limit,
        ...(after === null ? {} : { after }),
      })
      pages.push(...page.sightings)
      after = page.next
    } while (after !== null)
    expect(pages).toEqual(whole.sightings)
  }
  const span = await replayed(world, { actor: 'long' }, { fromVersion: 2, toVersion: 2 })
  expect(new Set(sightings(span).map(({ writ }) => writ?.version))).toEqual(new Set([2]))
  const [found, ...told] = span
  const before = sightings(await replayed(world, { actor: 'long' }, { toVersion: 1 })).at(-1)
  expect(found).toMatchObject({ type: '@xstate.actor', snapshot: before?.snapshot, createdAt: before?.createdAt })
  expect(told.filter(({ type }) => type === '@xstate.actor')).toEqual([])
})

it('a journal that no machine here follows is named, and the others are told', async () => {
  const world = await test.world()
  await world.daemon('d1')
  await world.start({ id: 'broken', plan: chainOf(2) })
  await world.until('broken', 'directive_completed')
  const key = `${world.owner}/${stepId('broken', 1, 0)}`
  await test.sql`delete from writ.journal where key = ${key} and version = 1`
  const frames = await replayed(world, { directive: 'broken' })
  expect(frames.filter(({ type }) => type === '@writ.notice')).toHaveLength(1)
  expect(sightings(frames).map(({ sessionId }) => sessionId)).toContain(stepId('broken', 1, 1))
})
