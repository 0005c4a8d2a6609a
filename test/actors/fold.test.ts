/** What a journal is folded with: the machines that it was made with, and no others. */
import { expect, it } from 'vitest'
import type { JournalEntry } from '../../src/actors/draft.ts'
import { foldEntry } from '../../src/actors/fold.ts'
import { store } from '../../src/machines/advance.ts'
import { aStep, stepSettings, work } from '../machines/support.ts'
import { patienceTimer, withSecond } from '../support/second-step.ts'

const key = 'o/d1__1_0'
const settings = stepSettings
const begun: JournalEntry = { message: null, timer: null, at: 1, seed: 's', origin: 'begin', order: [1, 1] }
const { live } = aStep().tellAll(...work)
const migration: JournalEntry = {
  ...begun,
  origin: 'migration',
  message: { type: 'migration', ...store(live), version: '2' },
}

it('one that began on a machine that is not known is not folded with another', () => {
  const later = { ...begun, machine: 'step@2' }
  expect(() => foldEntry(key, null, later, { settings })).toThrow('there is no machine step@2')
  expect(store(foldEntry(key, null, later, { settings, machines: withSecond() }).live).version).toBe('2')
  expect(store(foldEntry(key, null, begun, { settings, machines: withSecond() }).live).version).toBe('1')
})

it('a migration is what it says, with the timers that follow from it, and never a beginning', () => {
  const machines = withSecond()
  const folded = foldEntry(key, live, migration, { settings, machines })
  expect(store(folded.live)).toEqual({ ...store(live), version: '2' })
  expect(folded.timers).toMatchObject([{ do: 'set', id: patienceTimer }])
  expect(() => foldEntry(key, null, migration, { settings, machines })).toThrow('does not begin at its beginning')
  expect(() => foldEntry(key, live, migration, { settings })).toThrow('there is no machine step@2')
})
