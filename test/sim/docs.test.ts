/** What docs/simulator.md says of the world is what the world is made of, and what docs/mutants.md says is planted. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { deedRates, faultRates } from './rates.ts'

/** `| name | number |` of the table that begins with this head, in its order. */
const tableOf = (head: string): [string, number][] => {
  const [, rest = ''] = readFileSync('docs/simulator.md', 'utf8').split(`| ${head} |`)
  const [rows = ''] = rest.split('\n\n')
  return [...rows.matchAll(/^\| `(\w+)` \| ([\d.]+) \|/gm)].map(([, name = '', rate]) => [name, Number(rate)])
}

test('every fault is described, with its rate', () => {
  expect(tableOf('fault | rate | what happens')).toEqual(Object.entries(faultRates))
})

test('every deed is listed, with its weight', () => {
  expect(tableOf('deed | weight')).toEqual(Object.entries(deedRates))
})

test('every planted bug is listed, with what is wrong', () => {
  const rows = [...readFileSync('docs/mutants.md', 'utf8').matchAll(/^\| `([\w-]+)` \| (.+) \| .+ \|$/gm)]
  const patches = readdirSync('test/sim/mutants').filter((name) => name.endsWith('.patch'))
  const planted = patches.toSorted().map((name) => {
    const [what] = readFileSync(`test/sim/mutants/${name}`, 'utf8').split('\n')
    return [name.replace('.patch', ''), what]
  })
  expect(rows.map(([, name, what]) => [name, what])).toEqual(planted)
})
