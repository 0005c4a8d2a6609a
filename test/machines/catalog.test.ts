/** On which version of a machine new actors begin while nodes of several versions run side by side. */
import { expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { begin, machineNameOf } from '../../src/machines/advance.ts'
import { catalog } from '../../src/machines/catalog.ts'
import { activated } from '../../src/machines/versions.ts'
import { stepSettings } from './support.ts'

const versions = ['2', '9', '10'].map((version) =>
  createMachine({ id: 'step', version, initial: 'a', states: { a: {} } }),
)
const version = (written: readonly string[]) => activated(versions, written).version

it('the newest that every live node declares, however its number is written', () => {
  expect(version(['step@2', 'step@9', 'step@10'])).toBe('10')
  expect(version(['step@9', 'directive@10'])).toBe('9')
  expect(version(['step@2'])).toBe('2')
})

it('the newest of all while nothing is known of the others', () => {
  expect(version([])).toBe('10')
  expect(version(['step@77'])).toBe('10')
})

it('a new actor is of the version that it began on, and a journal says which', () => {
  const given = { at: 0, seed: 's', settings: stepSettings }
  const { live } = begin('step', given, catalog.known)
  expect(machineNameOf(live)).toBe(catalog.known.find((name) => name.startsWith('step@')))
  expect(catalog.machineToBegin('step', catalog.known).id).toBe('step')
})
