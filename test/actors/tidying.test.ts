/** How often the store is tidied, and by whom. */
import { expect, it } from 'vitest'
import { Tidying } from '../../src/actors/tidying.ts'
import { tidyAgainMs, tidyMs } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'

it('the holder of the first shard tidies the store at once and then hourly, and nobody else does', async () => {
  const clock = new SimClock()
  let tidied = 0
  const tidy = (): Promise<boolean> => {
    tidied++
    return Promise.resolve(false)
  }
  const [holder, other] = [new Tidying({ clock, store: { tidy } }), new Tidying({ clock, store: { tidy } })]
  for (let at = 0; at < 2.5 * tidyMs; at += tidyMs / 60) {
    await clock.run(at)
    await Promise.all([holder.look(true), other.look(false)])
  }
  expect(tidied).toBe(3)
})

it('while there is more than one call deletes it goes on at every look; a call that fails is made again a minute later', async () => {
  const clock = new SimClock()
  const answers = [true, true, new Error('unreachable'), true, false]
  const made: number[] = []
  const tidy = (): Promise<boolean> => {
    made.push(clock.monotonic())
    const answer = answers.shift() ?? false
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const tidying = new Tidying({ clock, store: { tidy } })
  for (let at = 0; at <= tidyMs; at += 1000) {
    await clock.run(at)
    await tidying.look(true).catch(() => undefined)
  }
  const [failedAt, again] = [2_000, 2_000 + tidyAgainMs]
  expect(made).toEqual([0, 1_000, failedAt, again, again + 1_000])
})
