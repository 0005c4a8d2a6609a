/** What is done so that nothing grows for ever, when a part of it fails again and again. */
import { expect, it } from 'vitest'
import { Keeping } from '../../src/actors/keeping.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const parts = ['ended', 'tidy', 'forgetEvents', 'journalSpans'] as const satisfies (keyof Store)[]

it.each(parts)('that %s fails holds up nothing else of it', async (failing) => {
  const clock = new SimClock()
  const asked = new Set<keyof Store>()
  const call = (name: keyof Store) => {
    asked.add(name)
    return { ms: 0, fails: name === failing }
  }
  const retention = { directivesMs: 60_000, eventsMs: 60_000, journalsMs: 60_000 }
  const host = quietHost(clock, new SimStore({ clock, call }))
  const keeping = new Keeping(
    host,
    retention,
    () => undefined,
    () => 0,
  )
  await expect(keeping.look([0])).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect([...asked].filter((name) => parts.some((part) => part === name))).toEqual(parts)
  asked.clear()
  await clock.run(clock.monotonic() + 30_000)
  await keeping.look([0])
  expect(asked).not.toContain(failing)
})
