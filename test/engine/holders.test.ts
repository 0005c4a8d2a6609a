/** Two engines on one database: shards spread, move without loss, and are taken over from one that dies. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { leaseMs, shardCount } from '../../src/protocol/limits.ts'
import { callOf } from '../support/fake-daemon.ts'
import { joinMortal, type MortalEngine, startTestEngine, type TestEngine } from '../support/engine.ts'
import { chainOf } from '../support/world.ts'

let test: TestEngine
let other: MortalEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const held = (): number[] => [test.engine, other.engine].map((engine) => engine.holder.shards.length)

it('R45: shards spread evenly over two engines while directives run, and none is lost or done twice', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 8 })
  other = await joinMortal(test, 'other', (line) => test.log.push(line))
  const ids: string[] = []
  const begin = async (): Promise<number[]> => {
    ids.push(...(await Promise.all([1, 2, 3].map(() => world.start({ plan: chainOf(2) })))))
    return held()
  }
  await expect.poll(begin, { timeout: 20_000, interval: 50 }).toEqual([shardCount / 2, shardCount / 2])
  await Promise.all(ids.map((id) => world.until(id, 'directive_completed')))
  const calls = daemon.spawns.map((spawn) => `${spawn.directive.id} ${callOf(spawn)} ${spawn.task.attempt}`)
  expect(new Set(calls).size).toBe(ids.length * 4)
}, 60_000)

it('R43 R45: what an engine held when it died is taken over within two leases, and goes on where it was', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', { slots: 40, work: () => null })
  const ids = await Promise.all(Array.from({ length: 16 }, () => world.start({ plan: chainOf(1) })))
  await Promise.all(ids.map((_, at) => daemon.spawned('worker s0', at + 1)))
  await other.kill()
  const died = performance.now()
  const receipts = await Promise.all(daemon.spawns.slice(0, 16).map((spawn) => daemon.done(spawn)))
  expect(performance.now() - died).toBeLessThan(2 * leaseMs)
  expect(receipts).toEqual(receipts.map(() => ({ received: true, counted: true })))
  expect(test.engine.holder.shards.length).toBe(shardCount)
  await Promise.all(ids.map((id) => world.until(id, 'step_evaluating')))
}, 60_000)
