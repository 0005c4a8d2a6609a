import { expect, test } from 'vitest'
import { faultsMin, tooLittle } from './floors.ts'
import { kinds } from './kinds.ts'

const happened = (count: number, ended: number, skipped: number = 0): Parameters<typeof tooLittle>[1] => ({
  faults: Object.fromEntries(kinds.slice(0, count).map((kind) => [kind, 1])),
  operations: { 'directives ended': ended },
  skipped: kinds.slice(0, skipped),
})

test('a run of three minutes has fifteen faults of ten kinds, and nine directives that have ended', () => {
  const asked = { minutes: 3, kinds: kinds.length }
  expect(tooLittle(asked, happened(15, 9))).toEqual([])
  expect(tooLittle(asked, happened(14, 8))).toEqual([
    'only 14 faults: 15 or more are to be',
    'only 8 directives that have ended: 9 or more are to be',
  ])
  expect(tooLittle(asked, { ...happened(0, 9), faults: { 'node-kill': 15 } })).toEqual([
    'only 1 kinds of faults: 10 or more are to be',
  ])
})

test('however short a run is, it has a fault, and a directive that has ended', () => {
  const asked = { minutes: 0.15, kinds: kinds.length }
  expect(faultsMin(asked.minutes)).toBe(1)
  expect(tooLittle(asked, happened(1, 1))).toEqual([])
  expect(tooLittle(asked, happened(0, 0))).toEqual([
    'only 0 faults: 1 or more are to be',
    'only 0 kinds of faults: 1 or more are to be',
    'only 0 directives that have ended: 1 or more are to be',
  ])
})

test('a kind that was not asked for, or that the machine does not allow, is not missed', () => {
  const once = { 'node-kill': 15 }
  expect(tooLittle({ minutes: 3, kinds: 1 }, { ...happened(0, 9), faults: once })).toEqual([])
  expect(tooLittle({ minutes: 3, kinds: 2 }, { ...happened(0, 9, 1), faults: once })).toEqual([])
})
