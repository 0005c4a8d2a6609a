/** When units run one by one. */
import { expect, it } from 'vitest'
import { Alone } from '../../src/actors/alone.ts'
import { commitDeadlineMs, unansweredAgainMs } from '../../src/protocol/limits.ts'

it('units run one by one for a while after two commits in a row that nobody answered, however long that took', () => {
  let now = 0
  const alone = new Alone({ monotonic: () => now })
  expect([alone.unanswered(), alone.is]).toEqual([false, false])
  now += 2 * commitDeadlineMs
  expect([alone.unanswered(), alone.is]).toEqual([true, true])
  now += unansweredAgainMs
  expect([alone.is, alone.unanswered()]).toEqual([false, false])
})

it('so many as are told do, of all that run', () => {
  const alone = new Alone({ monotonic: () => 0 })
  alone.next(2)
  const seen = [1, 2, 3].map(() => {
    const { is } = alone
    alone.ran()
    return is
  })
  expect(seen).toEqual([true, true, false])
})
