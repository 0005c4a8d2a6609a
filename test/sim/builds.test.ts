/** What later builds of the simulated world are like: what those before them wrote goes on, by other names. */
import { afterEach, expect, it } from 'vitest'
import { type Live, load, statusOf, store, timersOf } from '../../src/machines/advance.ts'
import { migrated, takenUp } from '../../src/machines/migrate.ts'
import { aStep, events, stepSettings, the, toEvaluation, work } from '../machines/support.ts'
import { allMachines, buildsMax, machinesOf } from './builds.ts'
import { faultyAt } from './faulty-machines.ts'
import { memoryOf, placeOf } from './later-machines.ts'

afterEach(() => faultyAt(null, null))

const become = (live: Live, version: string): Live =>
  load(migrated(live, [`step@${version}`], allMachines) ?? expect.unreachable(), allMachines)

const held = (hold: typeof stepSettings.hold): Live => {
  const step = aStep({ requiresApproval: true, hold })
  step.tellAll(...toEvaluation, the.passing)
  return step.live
}

it('each build opens all that those before it have written, and more', () => {
  const known = Array.from({ length: buildsMax }, (_, at) => machinesOf(at + 1).known)
  for (const [at, machines] of known.entries())
    expect(machines.filter((name) => known[at - 1]?.includes(name))).toEqual(known[at - 1] ?? [])
  expect(known.map((machines) => machines.length)).toEqual([3, 4, 6])
  expect(allMachines.known).toEqual(known.at(-1))
})

it('a step of the first version becomes one of the last in the midst of its work, and counts on by other names', () => {
  const step = aStep()
  step.tellAll(...work, the.done)
  const stored = store(become(step.live, '3'))
  expect(stored).toMatchObject({ version: '3', context: { versions: ['1', '2', '3'], withoutVerdict: 0 } })
  expect(stored.value).toEqual({ judgement: 'queued' })
  expect(stored.context).not.toHaveProperty('evaluatorTries')
  const later = aStep().from(load(stored, allMachines))
  later.tellAll(the.granted, the.accepted, the.noVerdict)
  expect(statusOf(later.live)).toBe('evaluating')
  expect(store(later.live).context).toMatchObject({ withoutVerdict: 1 })
  expect(memoryOf(later.live)).toMatchObject({ evaluatorTries: 1 })
  expect(placeOf('judgement.queued', later.live.snapshot.machine)).toBe('evaluating.queued')
})

it('the timer of a state that has another name is set anew, for what is left of it', () => {
  const before = held({ ms: 60_000, decision: 'approve' })
  const given = { at: Number((before.snapshot.context as { held: { since: number } }).held.since) + 20_000, seed: 's' }
  const settings = { ...stepSettings, hold: { ms: 60_000, decision: 'approve' } }
  expect(takenUp(before, become(before, '3'), { ...given, settings }).timers).toEqual([
    { do: 'cancel', id: 'xstate.after.hold.step.held.limited' },
    { do: 'set', id: 'xstate.after.hold.step.held.bounded', delay: 40_000 },
  ])
})

it('who is held without a limit is called to mind once by later builds, and is held still', () => {
  const step = aStep().from(become(held(null), '2'))
  expect(events(step.fire('patience').effects)).toEqual(['step_reminded'])
  expect([statusOf(step.live), timersOf(step.live)]).toEqual(['held', []])
  expect(placeOf('held.reminded', step.live.snapshot.machine)).toBe('held.unlimited')
})

it('a migration that fails says so', () => {
  faultyAt(null, () => true)
  expect(() => become(held(null), '3')).toThrow('its migration from step@1 to step@3 failed: nobody thought of this')
})
