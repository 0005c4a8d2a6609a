/** What one unit changed in memory is taken back alone; and what is kept has a limit. */
import { expect, it } from 'vitest'
import { Memory } from '../../src/actors/memory.ts'
import { heardOf, openPresence } from '../../src/actors/presence.ts'
import { actorKey, shardOf } from '../../src/protocol/ids.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

it('a unit that is undone has changed nothing: neither rows nor what is known of daemons', () => {
  const memory = new Memory()
  const presence = openPresence()
  memory.set(memory.replies, 'o/1', { from: 'before' })
  memory.set(presence, 'o/known', heardOf('s1', 1))
  memory.mark()
  memory.set(memory.replies, 'o/1', { from: 'the unit' })
  memory.set(presence, 'o/known', heardOf('s2', 2))
  memory.set(presence, 'o/new', heardOf('s3', 3))
  memory.delete(presence, 'o/known')
  memory.undo()
  expect(memory.replies.get('o/1')).toEqual({ from: 'before' })
  expect(presence.get('o/known')).toEqual(heardOf('s1', 1))
  expect(presence.has('o/new')).toBe(false)
})

it('what is kept counts, the desks of directives that are not there as well: they make room with the rest', async () => {
  const clock = new SimClock()
  const { loader, memory } = quietHost(clock, new SimStore({ clock }))
  for (const id of ['a', 'b', 'c']) await loader.desk(actorKey('o', id))
  expect(memory.size).toBe(3)
  memory.trim([shardOf('o', 'a'), shardOf('o', 'b'), shardOf('o', 'c')], new Set())
  expect(memory.size).toBe(0)
})
