/** How a thread watches the attempts of its shards: what it tells their daemons, and when it takes them for lost. */
import { expect, it } from 'vitest'
import type { AttemptRow } from '../../src/actors/ports/rows.ts'
import { Watch } from '../../src/actors/watch.ts'
import type { Message } from '../../src/machines/message.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { acceptMs, stallMs, stoppingMs } from '../../src/protocol/limits.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { attemptRow } from '../contract/rows.ts'
import { spawnOf } from '../daemon/support.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const setUp = (compose: () => Promise<Spawn | null> = () => Promise.resolve(null)) => {
  const clock = new SimClock()
  const host = quietHost(clock, new SimStore({ clock }))
  const at = { trusted: true, hears: true }
  const orders: string[] = []
  host.wire.order = (_owner, _daemon, _session, verb) => {
    orders.push(verb)
    return at.hears ? Promise.resolve() : Promise.reject(new Error('nobody is there'))
  }
  const told: Message[] = []
  const stored: AttemptRow[] = []
  const watch = new Watch(host, {
    compose,
    tell: (_, message) => told.push(message),
    storeAcceptance: (attempt) => stored.push(attempt),
    isHeld: () => at.trusted,
  })
  /** Looks every second, as the engine does. */
  const pass = async (ms: number): Promise<void> => {
    for (const until = clock.monotonic() + ms; clock.monotonic() < until;) {
      await clock.run(Math.min(until, clock.monotonic() + 1000))
      watch.look()
    }
  }
  return { at, clock, host, watch, orders, told, stored, pass }
}

const open = attemptRow('d', 1, { accepted: true })

it('R14 R27: a finish is told again once a lapse of trust in the lease is over', async () => {
  const { at, watch, orders, pass } = setUp()
  at.hears = false
  watch.open(open)
  watch.order({ ...open, asked: 'finish' })
  await pass(2000)
  at.trusted = false
  await pass(1000)
  const before = orders.length
  await pass(10_000)
  expect(orders.length).toBe(before)
  at.trusted = true
  await pass(2 * acceptMs)
  expect(orders.length).toBeGreaterThan(before)
})

it('R49: an order is told again while its attempt is open, and one of a closed attempt until it was heard', async () => {
  const { at, watch, orders, pass } = setUp()
  watch.open({ ...open, asked: 'cancel' })
  await pass(2.5 * acceptMs)
  expect(orders).toEqual(['cancel', 'cancel', 'cancel'])
  at.hears = false
  const closed: AttemptRow = { ...open, asked: 'cancel', closedAt: 1, closed: 'superseded' }
  watch.kept(closed)
  watch.order(closed)
  await pass(2000)
  const unheard = orders.length
  expect(unheard).toBeGreaterThan(4)
  at.hears = true
  await pass(stoppingMs)
  expect(orders.length).toBe(unheard + 1)
})

it('R40: an acceptance is stored however often its daemon says that it gets on', async () => {
  const { watch, stored, pass } = setUp()
  watch.open({ ...open, accepted: false })
  for (let count = 0; count < 8; count++) {
    watch.heard('alice/d__t1', 'd1', { attempt: 1, nonce: 'n1', session: 's1' }, 'progress')
    await pass(400)
  }
  watch.kept(open)
  await pass(2 * acceptMs)
  expect(stored).toHaveLength(1)
})

it('R40: an acceptance whose commit was refused is stored again, unless its actor is parked', async () => {
  const { host, watch, stored, pass } = setUp()
  const row = { ...open, accepted: false }
  watch.open(row)
  watch.heard('alice/d__t1', 'd1', { attempt: 1, nonce: 'n1', session: 's1' }, 'accepted')
  await pass(2.5 * acceptMs)
  expect(stored).toHaveLength(3)
  host.memory.actors.set(row.actor, { parked: { reason: 'a fault' } } as never)
  await pass(2 * acceptMs)
  expect(stored).toHaveLength(3)
  host.memory.actors.clear()
  watch.kept(open)
  await pass(2 * acceptMs)
  expect(stored).toHaveLength(3)
})

it('R43: asking whether an attempt is still wanted is no progress', async () => {
  const { watch, told, pass } = setUp()
  watch.open(open)
  for (let passed = 0; passed < stallMs; passed += 60_000) {
    expect(watch.heard('alice/d__t1', 'd1', { attempt: 1, nonce: 'n1', session: 's1' }, 'accepted')).toBe(true)
    await pass(60_000)
  }
  expect(told[0]).toMatchObject({ type: 'task.lost', why: 'stall' })
})

it('R43: whoever takes over an attempt holds it to the limit of its own directive, also when that cannot be read at once', async () => {
  let isDown = true
  const { watch, told, pass } = setUp(() =>
    isDown
      ? Promise.reject(new WritError('UNREACHABLE', 'the database is away'))
      : Promise.resolve({ ...spawnOf('d__t1'), stallMs: 60_000 }),
  )
  watch.open(open)
  await pass(1000)
  isDown = false
  await pass(60_000)
  expect(told[0]).toMatchObject({ type: 'task.lost', why: 'stall' })
})

it('R43: an attempt that was taken for lost is watched, and told of again, until it is closed', async () => {
  const { watch, told, pass } = setUp()
  watch.open(open)
  await pass(stallMs + 3 * acceptMs)
  expect(told.length).toBeGreaterThan(2)
  expect(watch.heard('alice/d__t1', 'd1', { attempt: 1, nonce: 'n1', session: 's1' }, 'progress')).toBe(true)
  watch.kept({ ...open, closedAt: 1 })
  const before = told.length
  await pass(3 * acceptMs)
  expect(told.length).toBe(before)
})

it('a spawn waits while the lease is not trusted, and an acceptance that comes meanwhile is not lost', async () => {
  const { at, host, watch, told, stored, pass } = setUp(() => Promise.resolve(spawnOf('d__t1')))
  const sent: (() => void)[] = []
  host.wire.spawn = () => new Promise((accept) => sent.push(accept))
  at.trusted = false
  watch.open({ ...open, accepted: false })
  await pass(2000)
  expect(sent).toEqual([])
  at.trusted = true
  await pass(1000)
  expect(sent).toHaveLength(1)
  at.trusted = false
  sent[0]?.()
  await pass(2000)
  watch.kept(open)
  await pass(2 * acceptMs)
  expect([told, stored.length]).toEqual([[], 1])
})

it('a spawn that is lost on the way is sent again while there is time to accept it', async () => {
  const { clock, host, watch, told, pass } = setUp(() => Promise.resolve(spawnOf('d__t1')))
  let sent = 0
  host.wire.spawn = (_owner, _daemon, _session, _spawn, timeoutMs) => {
    if (++sent === 2) return Promise.resolve()
    return new Promise((_, fail) => clock.after(timeoutMs, () => fail(new WritError('NO_ANSWER', 'it was lost'))))
  }
  watch.open({ ...open, accepted: false })
  await pass(2 * acceptMs)
  expect([sent, told]).toEqual([2, []])
})
