import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const ledger = (...args) => spawnSync(process.execPath, [path('bin/ledger.js'), ...args], { encoding: 'utf8' })
const data = (name) => readFileSync(path(`data/${name}`), 'utf8')

test('`ledger report FILE` prints the report', () => {
  assert.equal(ledger('report', path('data/2024.csv')).stdout, data('2024.report.md'))
})

test('`ledger totals FILE` prints the totals as CSV', () => {
  assert.equal(ledger('totals', path('data/2024.csv')).stdout, data('2024.totals.csv'))
})

test('a file that is not there ends with 1 and its name', () => {
  const { status, stderr } = ledger('report', 'no-such.csv')
  assert.equal(status, 1)
  assert.match(stderr, /^ledger: .*no-such\.csv/)
})

test('anything else ends with 2 and the usage', () => {
  for (const args of [[], ['sing'], ['report']]) {
    const { status, stderr } = ledger(...args)
    assert.equal(status, 2)
    assert.match(stderr, /^usage: ledger report\|totals FILE\n/)
  }
})
