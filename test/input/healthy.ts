/** After bad input: nothing of what it was about has changed, and another owner's directive runs to its end on the same engine. */
import { expect } from 'vitest'
import type { TestEngine } from '../support/engine.ts'
import { planOf } from '../support/world.ts'

/** A directive of an owner of its own, with a daemon of its own, from start to completed. */
export const othersGoOn = async (test: TestEngine): Promise<void> => {
  const world = await test.world()
  await world.daemon('healthy', { slots: 2 })
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }) })
  await world.until(id, 'directive_completed')
  await world.close()
}

/** What the tables say of an owner, apart from what only counts what was asked: a refusal is in the journal, too. */
export const rowsOf = async ({ sql }: TestEngine, owner: string): Promise<unknown> => {
  const [row] = await sql`select
    (select count(*) from writ.directives where owner = ${owner})::int as directives,
    (select json_agg(json_build_array(a.id, a.status, a.waiting, a.facts) order by a.key) from writ.actors a where a.owner = ${owner} and a.kind <> 'registry') as actors,
    (select count(*) from writ.tasks where owner = ${owner})::int as tasks,
    (select count(*) from writ.attempts where owner = ${owner})::int as attempts,
    (select count(*) from writ.events where directive like ${`${owner}/%`})::int as events,
    (select count(*) from writ.chains where directive like ${`${owner}/%`})::int as chains,
    (select count(*) from writ.files where owner = ${owner})::int as files,
    (select count(*) from writ.messages where "to" like ${`${owner}/%`})::int as messages,
    (select count(*) from writ.parked where actor like ${`${owner}/%`})::int as parked`
  return row
}

/** The call is refused with this code and words; the owner's rows are what they were. */
export const refusedWith = async (
  test: TestEngine,
  owner: string,
  call: () => Promise<unknown>,
  { code, says }: { code: string; says: RegExp },
): Promise<void> => {
  const before = await rowsOf(test, owner)
  const error: unknown = await call().then(
    (answer) => expect.unreachable(`was not refused: ${JSON.stringify(answer).slice(0, 200)}`),
    (reason: unknown) => reason,
  )
  const { message, hint = '', faults = [] } = error as { message: string; hint?: string; faults?: string[] }
  expect(error).toMatchObject({ code })
  expect([message, hint, ...faults].join('\n')).toMatch(says)
  expect(await rowsOf(test, owner)).toEqual(before)
}
