/** What only the end of a world shows, whatever was seen at its commits. */
import { expect, test } from 'vitest'
import type { DirectiveContext } from '../../src/machines/directive-context.ts'
import type { ActorKey } from '../../src/protocol/ids.ts'
import { calm } from './options.ts'
import { World } from './world.ts'

/** Of directives with a repository: the commit that their line is at. */
const linesOf = ({ store, checkers }: World): string[] =>
  [...store.tables.directives.keys()].flatMap((key: ActorKey) => {
    const context = checkers.fold.live(key)?.snapshot.context as DirectiveContext | undefined
    return context?.line == null ? [] : [context.line]
  })

/** A calm world in which something was merged. */
const seedWithLine = async (): Promise<number> => {
  for (let seed = 1; seed < 100; seed++) {
    const world = new World(calm(seed))
    await world.run()
    if (linesOf(world).length > 0) return seed
  }
  throw new Error('in no calm world anything is merged')
}

test('a line that has lost its work is told at the end, although no commit was looked at', async () => {
  const world = new World(calm(await seedWithLine()))
  const { others } = world.checkers
  others.splice(others.indexOf(world.line.check), 1)
  // Whatever is merged is lost at once.
  others.push(() => {
    for (const line of linesOf(world)) world.repository.set(line, new Set())
  })
  const { violations } = await world.run()
  expect(violations).toContainEqual(expect.stringMatching(/^15: .* has passed, and is not in the line of /))
})

test('one world of 21 goes on for more than a minute after all has ended', async () => {
  const [shorter, longer] = [await new World(calm(20)).run(), await new World(calm(21)).run()]
  expect(longer.violations).toEqual([])
  expect(shorter.ms).toBeLessThan(70_000)
  expect(longer.ms).toBeGreaterThan(70_000)
})
