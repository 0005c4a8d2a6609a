/** Trees of plans, tables, and spans of time. */
import { expect, test } from 'vitest'
import { readSpan, since, span } from '../../src/cli/ago.ts'
import { printTable } from '../../src/cli/table.ts'
import { oneLine, severalLines, terminalOf } from '../../src/cli/terminal.ts'
import { treeOf } from '../../src/cli/tree.ts'
import { fit, widthOf } from '../../src/cli/width.ts'

const drawn = (plan: Record<string, string[]>): string[] =>
  treeOf(Object.entries(plan).map(([name, dependsOn]) => ({ name, dependsOn }))).map(
    ({ lead, step, also }) => `${lead}${step.name}${also.length === 0 ? '' : ` +${also.join('+')}`}`,
  )

test('a step hangs below the dependency that comes latest, and names the others', () => {
  expect(drawn({ a: [], b: ['a'], c: [], d: ['a', 'b', 'c'], e: ['d'] })).toEqual([
    '├─ a',
    '│  └─ b',
    '│     └─ d +a+c',
    '│        └─ e',
    '└─ c',
  ])
})

test('every step is drawn once, also those of a cycle or with unknown dependencies', () => {
  expect(drawn({ a: ['b'], b: ['a'], c: ['nowhere'], d: ['b', 'c'] })).toEqual([
    '├─ a +b',
    '├─ b +a',
    '├─ c +nowhere',
    '└─ d +b+c',
  ])
})

test('a plan that is too deep or too long for a tree is a list', () => {
  const chain = Array.from({ length: 20_000 }, (_, at) => ({
    name: `s${at}`,
    dependsOn: at === 0 ? [] : [`s${at - 1}`],
  }))
  const lines = treeOf(chain)
  expect(lines).toHaveLength(20_000)
  expect(lines[19_999]).toMatchObject({ lead: '', also: ['s19998'] })
})

test('spans are told in at most two units', () => {
  const s = 1000
  expect([0, 999, 59 * s, 60 * s, 125 * s, 3600 * s, 26 * 3600 * s].map(span)).toEqual([
    '0 s',
    '0 s',
    '59 s',
    '1 min',
    '2 min 5 s',
    '1 h',
    '1 d 2 h',
  ])
  expect(since('2026-05-01T12:00:05Z', Date.parse('2026-05-01T12:00:00Z'))).toBe('0 s')
})

test('spans are read as people write them', () => {
  expect(['90', '90s', '1.5m', '1h30m', '250ms', '2d'].map(readSpan)).toEqual([
    90_000, 90_000, 90_000, 5_400_000, 250, 172_800_000,
  ])
  for (const bad of ['', 'soon', '-1', '5x', '1h bad', '1 h'])
    expect(() => readSpan(bad)).toThrow('is not a span of time')
})

test('a table never lets what comes from outside break its lines', () => {
  let out = ''
  const terminal = terminalOf({ write: (text) => (out += text) }, { write: () => undefined }, false)
  printTable(
    terminal,
    [{ name: 'a\tb\nc\u001b[31m\u0007' }],
    [
      { heading: 'NAME', text: ({ name }) => name },
      { heading: 'X', text: () => 'x' },
    ],
  )
  expect(out).toBe('a b c\tx\n')
})

test('nothing from outside turns a line around, or breaks it where others see a new one', () => {
  expect(oneLine('in\u202Evoice\u2066 a\u2028b\u2029c\u0085d')).toBe('invoice a b c d')
  expect(severalLines('one\n\u202Etwo')).toBe('one\ntwo')
})

test('a line is never wider than it may be, wherever its wide, narrow and combined characters are cut', () => {
  const line = 'a → b 日本語 🎉 é 👍🏽 end'
  for (let columns = 1; columns <= widthOf(line); columns++)
    expect(widthOf(fit(line, columns))).toBeLessThanOrEqual(columns)
  expect(fit(line, widthOf(line))).toBe(line)
  expect(fit('→→ abc', 5)).toBe('→→ a…')
})
