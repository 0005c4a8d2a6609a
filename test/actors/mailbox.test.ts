/** What a thread takes out of its mailboxes, and when it looks. */
import { expect, it, vi } from 'vitest'
import { Draft } from '../../src/actors/draft.ts'
import { Mailbox } from '../../src/actors/mailbox.ts'
import { Spent } from '../../src/actors/parking.ts'
import type { ParkedRow } from '../../src/actors/ports/parked-rows.ts'
import type { MessageRow, StoredMessage } from '../../src/actors/ports/rows.ts'
import { Turn } from '../../src/actors/turn.ts'
import type { Unit } from '../../src/actors/unit.ts'
import { shardOf } from '../../src/protocol/ids.ts'
import { batchMessagesMax, parkTriesMax } from '../../src/protocol/limits.ts'
import { endedThread } from '../../src/protocol/parked.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const body = new Uint8Array()
const shard = shardOf('o', 'd')
const rowOf = (id: number): StoredMessage => ({ id, to: 'o/d', from: 'o/e', shard, body, tries: 0 })

const parkedOf = (message: number): ParkedRow => ({ ...rowOf(message), message, actor: 'o/d', reason: '', at: 0 })

const setUp = (rows: number) => {
  const clock = new SimClock()
  const inBox = Array.from({ length: rows }, (_, at) => rowOf(at + 1))
  const looks: number[] = []
  /** While it is on, what a look has read is told only when these are called. */
  const late = { isOn: false, tell: [] as (() => void)[] }
  const store = new (class extends SimStore {
    override readonly mailbox = async (_: readonly number[], limit: number): Promise<StoredMessage[]> => {
      looks.push(limit)
      const read = inBox.slice(0, limit)
      if (late.isOn) await new Promise<void>((resolve) => late.tell.push(resolve))
      return read
    }
  })({ clock })
  const host = quietHost(clock, store)
  const units: Unit[] = []
  const mailbox = new Mailbox(
    host,
    (unit) => void units.push(unit),
    () => false,
  )
  /** Takes the first so many units as committed. */
  const commit = async (count: number): Promise<void> => {
    inBox.splice(0, count)
    for (const unit of units.splice(0, count)) mailbox.over(unit, true)
    await clock.run(clock.monotonic() + 1)
  }
  /** Takes the first unit, and nobody hears whether its commit has held. */
  const unheard = (held: boolean): void => {
    if (held) inBox.splice(0, 1)
    for (const unit of units.splice(0, 1)) mailbox.over(unit, false)
  }
  return { clock, host, mailbox, units, looks, inBox, commit, unheard, late }
}

it('no more than some batches of a full mailbox are in line, and the rest follows as they are done', async () => {
  const total = 20 * batchMessagesMax
  const { clock, mailbox, units, looks, commit } = setUp(total)
  mailbox.look([shard])
  await clock.run(1)
  const first = units.length
  expect(first).toBeLessThanOrEqual(7 * batchMessagesMax)
  const before = looks.length
  mailbox.look([shard])
  await clock.run(2)
  expect(looks.length).toBe(before)
  let done = 0
  for (; units.length > 0; done += batchMessagesMax) await commit(batchMessagesMax)
  expect(done).toBe(total)
})

it('R45: what was taken is waited for until its commit has held, so that nothing overtakes it when it runs again', async () => {
  const { clock, host, mailbox, commit } = setUp(2)
  mailbox.look([shard])
  await clock.run(1)
  expect(host.waiting.get('o/e o/d')).toEqual(new Set([1, 2]))
  await commit(1)
  expect(host.waiting.get('o/e o/d')).toEqual(new Set([2]))
  await commit(1)
  expect(host.waiting.size).toBe(0)
})

it.each([
  ['held', true],
  ['did not hold', false],
])(
  'R45: of a row whose commit %s unheard, the next whole look finds out whether it is still waited for',
  async (_what, held) => {
    const { clock, host, mailbox, units, unheard } = setUp(1)
    mailbox.look([shard])
    await clock.run(1)
    unheard(held)
    expect([host.doubted.has(shard), host.waiting.size]).toEqual([true, 1])
    mailbox.look([shard])
    await clock.run(2)
    expect(host.doubted.has(shard)).toBe(false)
    expect(host.waiting.size).toBe(held ? 0 : 1)
    expect(units.length).toBe(held ? 0 : 1)
  },
)

it('what a commit sends is known while the commit is in flight, and in its mailbox after it', () => {
  const { host, mailbox, units } = setUp(0)
  const row: MessageRow = { to: 'o/d', from: 'o/e', shard, body }
  mailbox.sending({ shards: [], messages: [row] })
  expect([...host.inFlight]).toEqual(['o/e o/d'])
  mailbox.sent([row], [7], () => true)
  expect([...host.inFlight]).toEqual([])
  expect(host.waiting.get('o/e o/d')).toEqual(new Set([7]))
  expect(units.map(({ row: of }) => of?.id)).toEqual([7])
})

it('R45: what is told while a look is under way is not overtaken by what is told after that look, which has not seen it', async () => {
  const { clock, mailbox, units, inBox, late } = setUp(0)
  const send = (id: number): void => {
    inBox.push(rowOf(id))
    mailbox.sent([{ to: 'o/d', from: 'o/e', shard, body }], [id], () => true)
  }
  late.isOn = true
  mailbox.doubt([shard])
  mailbox.look([shard])
  send(1)
  late.tell.shift()?.()
  await clock.run(1)
  send(2)
  late.isOn = false
  for (const tell of late.tell) tell()
  await clock.run(2)
  expect(units.map(({ row }) => row?.id)).toEqual([1, 2])
})

it('what comes for a directive while the commit that mends it is in flight is taken once that has held', async () => {
  const { clock, mailbox, units, inBox } = setUp(0)
  const row: MessageRow = { to: 'o/d', from: 'mend', shard, body }
  mailbox.sending({ shards: [], messages: [row], mended: ['o/d'] })
  inBox.push({ ...rowOf(1), from: 'mend' })
  mailbox.look([shard])
  await clock.run(1)
  expect(units).toEqual([])
  mailbox.sent([row], [1], () => true)
  mailbox.unparked({ faulted: [], mended: ['o/d'], unfaulted: [], unparked: [] })
  await clock.run(2)
  expect(units.map(({ row: of }) => of?.id)).toEqual([1])
})

it('what a commit tells a shard that is being looked into is waited for until another look has found it', async () => {
  const { clock, host, mailbox, units, inBox, late } = setUp(0)
  late.isOn = true
  mailbox.doubt([shard])
  mailbox.look([shard])
  await clock.run(1)
  mailbox.sent([{ to: 'o/d', from: 'o/e', shard, body }], [5], () => true)
  inBox.push(rowOf(5))
  late.tell.shift()?.()
  await clock.run(2)
  expect([units.length, host.doubted.has(shard)]).toEqual([0, true])
  late.tell.shift()?.()
  await clock.run(3)
  expect([units.map(({ row: of }) => of?.id), host.doubted.has(shard)]).toEqual([[5], false])
})

it('what comes for a directive that a commit was to mend is taken also when that has not held', async () => {
  const { clock, mailbox, units, inBox } = setUp(0)
  mailbox.sending({ shards: [], mended: ['o/d'] })
  mailbox.unsent()
  inBox.push(rowOf(1))
  mailbox.look([shard])
  await clock.run(1)
  expect(units.map(({ row: of }) => of?.id)).toEqual([1])
})

it('R45: what one actor told another waits while an earlier word is parked, and is taken after it once that is back', async () => {
  const { clock, host, mailbox, units, inBox } = setUp(0)
  mailbox.parked([parkedOf(1)])
  const send = (id: number, from: string): void => mailbox.sent([{ to: 'o/d', from, shard, body }], [id], () => true)
  send(2, 'o/e')
  send(3, 'o/f')
  expect(units.map(({ row }) => row?.id)).toEqual([3])
  expect(host.waiting.get('o/e o/d')).toEqual(new Set([1]))
  inBox.push(rowOf(1), rowOf(2))
  mailbox.unparked({
    faulted: [],
    mended: [],
    unfaulted: [],
    unparked: [{ message: 1, actor: 'o/d', shard, back: true }],
  })
  await clock.run(1)
  expect(units.map(({ row }) => row?.id)).toEqual([3, 1, 2])
})

it.each([
  ['a message', { unparked: [{ message: 1, actor: 'o/d' as const, shard, back: true }] }],
  ['what was parked of a directive', { mended: ['o/d' as const] }],
])('%s that is put back by a commit of which nobody hears whether it held is taken again', async (_what, commit) => {
  const { clock, mailbox, units, inBox } = setUp(0)
  mailbox.parked([parkedOf(1)])
  mailbox.sending({ shards: [], ...commit })
  inBox.push(rowOf(1))
  mailbox.unsent()
  mailbox.look([shard])
  await clock.run(1)
  expect(units.map(({ row: of }) => of?.id)).toEqual([1])
})

it('a message at which threads have ended as often as is allowed is not taken, and its actor is not opened for it', async () => {
  const { clock, host, mailbox, units, inBox } = setUp(0)
  inBox.push({ ...rowOf(1), tries: parkTriesMax, reason: `${endedThread}for a test` })
  mailbox.look([shard])
  await clock.run(1)
  const opened = vi.spyOn(host.loader, 'actor')
  await expect(units[0]?.run(new Turn(host, new Draft()))).rejects.toBeInstanceOf(Spent)
  expect(opened).not.toHaveBeenCalled()
})
