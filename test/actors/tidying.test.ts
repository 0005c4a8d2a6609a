/** How often the store is tidied, and by whom. */
import { expect, it } from 'vitest'
import { Tidying } from '../../src/actors/tidying.ts'
import { tidyMs } from '../../src/protocol/limits.ts'
import { SimClock } from '../sim/clock.ts'

it('the holder of the first shard tidies the store at once and then hourly, and nobody else does', async () => {
  const clock = new SimClock()
  let tidied = 0
  const tidy = (): Promise<void> => Promise.resolve(void tidied++)
  const [holder, other] = [new Tidying({ clock, store: { tidy } }), new Tidying({ clock, store: { tidy } })]
  for (let at = 0; at < 2.5 * tidyMs; at += tidyMs / 60) {
    await clock.run(at)
    await Promise.all([holder.look(true), other.look(false)])
  }
  expect(tidied).toBe(3)
})
