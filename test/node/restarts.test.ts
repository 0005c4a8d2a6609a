/** Whether a thread of a node that has ended is started again. */
import { expect, it } from 'vitest'
import { WritError } from '../../src/protocol/errors.ts'
import { threadEndsMax, threadRestartMaxMs, threadRestartMs, threadSettledMs } from '../../src/protocol/limits.ts'
import { Restarts } from '../../src/restarts.ts'

const died = { index: 0, workedMs: 0, error: null }

it('a thread that ends is started again, after a longer time with each end in a row', () => {
  const restarts = new Restarts()
  const waits = [1, 2, 3].map(() => restarts.after(died))
  expect(waits).toEqual([threadRestartMs, 2 * threadRestartMs, 4 * threadRestartMs])
  expect(restarts.after({ ...died, index: 1 })).toBe(threadRestartMs)
})

it('one that ends again and again takes its node with it', () => {
  const restarts = new Restarts()
  for (let end = 0; end < threadEndsMax; end++) restarts.after(died)
  expect(() => restarts.after(died)).toThrow(/has ended 6 times in a row.*the node ends/)
})

it('one that has worked for long in between does not', () => {
  const restarts = new Restarts()
  for (let end = 0; end < threadEndsMax; end++) restarts.after(died)
  expect(restarts.after({ ...died, workedMs: threadSettledMs })).toBe(threadRestartMs)
})

it('a server that is away is waited for, however long', () => {
  const restarts = new Restarts()
  const away = { ...died, error: new WritError('UNREACHABLE', 'the database cannot be reached') }
  const waits = Array.from({ length: 100 }, () => restarts.after(away))
  expect(waits.at(-1)).toBe(threadRestartMaxMs)
})

it('so is a message at which threads end, until it is parked', () => {
  const restarts = new Restarts()
  const waits = Array.from({ length: 100 }, () => restarts.after({ ...died, isCounted: true }))
  expect(waits.at(-1)).toBe(threadRestartMaxMs)
})

it('neither speaks against the node when its threads end otherwise later', () => {
  const restarts = new Restarts()
  const away = { ...died, error: new WritError('UNREACHABLE', 'the database cannot be reached') }
  for (const end of [{ ...died, isCounted: true }, away]) for (let time = 0; time < 10; time++) restarts.after(end)
  for (let end = 0; end < threadEndsMax; end++) restarts.after(died)
  expect(() => restarts.after(died)).toThrow(/has ended 6 times in a row.*the node ends/)
})

it('one that the database does not let in any more takes its node with it at once', () => {
  const newer = new WritError('SCHEMA_NEWER', 'the schema is 11, this node knows 10')
  expect(() => new Restarts().after({ ...died, error: newer })).toThrow(newer)
})
