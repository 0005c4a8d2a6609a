import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { report } from '../src/report.js'
import { readEntries, summarise } from '../src/summary.js'

const read = (name) => readFileSync(new URL(`../data/${name}`, import.meta.url), 'utf8')

test('reports a year', () => {
  assert.equal(report('2024', summarise(readEntries(read('2024.csv')))), read('2024.report.md'))
})

test('says so when there is nothing to report', () => {
  assert.equal(report('2025', summarise([])), '# Ledger 2025\n\nNo entries.\n')
})
