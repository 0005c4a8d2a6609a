/** A world that fails is made as small as it can be without failing otherwise. */
import { expect, test } from 'vitest'
import { argumentsFor, changed } from './changes.ts'
import { swarm } from './swarm.ts'
import { Shrinking } from './shrink.ts'
import { simulate } from './world.ts'

test('what has nothing to do with a violation is left out, and the same command shows what is left', async () => {
  // Nothing can be over that soon after all is well again, whatever went wrong before.
  const options = { ...swarm(3, 'small'), healMs: 1 }
  const outcome = await simulate(options)
  expect(outcome.violations[0]).toContain('9: in a healed world')
  const shrunk = await new Shrinking(options, outcome).run()
  expect(shrunk.changes.only).toEqual([])
  expect(shrunk.options).toMatchObject({ engines: 1, owners: 1, daemons: 1, directives: 1, stepsMax: 1, chaosMs: 500 })
  expect(shrunk.outcome.violations[0]).toContain('9: in a healed world')
  expect(argumentsFor(shrunk.changes).join(' ')).toMatch(/^--only none --with .*chaosMs=500/)
  const again = await simulate(changed(options, shrunk.changes))
  expect(again.digest).toBe(shrunk.outcome.digest)
})
