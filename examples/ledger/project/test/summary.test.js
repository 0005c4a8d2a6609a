import assert from 'node:assert/strict'
import test from 'node:test'
import { readEntries, summarise } from '../src/summary.js'

const head = 'date,category,description,amount\n'

test('reads entries with their amount in cents', () => {
  assert.deepEqual(readEntries(`${head}2024-01-03,Food,"Bread, milk",4.35\n`), [
    { date: '2024-01-03', category: 'Food', description: 'Bread, milk', cents: 435 },
  ])
})

test('says which row is wrong, and why', () => {
  const message = (text) => {
    try {
      return readEntries(text).length
    } catch (error) {
      return error.message
    }
  }
  assert.equal(message('when,what\n'), 'row 1: the columns must be date,category,description,amount')
  assert.equal(message(`${head}2024-01-03,Food,4.35\n`), 'row 2: 3 fields where 4 are needed')
  assert.equal(message(`${head}2024-01-03,Food,x,1\n3.1.24,Food,x,1\n`), 'row 3: "3.1.24" is no date (YYYY-MM-DD)')
  assert.equal(message(`${head}2024-01-03,Food,x,much\n`), 'row 2: "much" is no amount')
})

test('adds up by category, largest first, and by month, in order', () => {
  const entries = readEntries(
    `${head}2024-02-01,Rent,a,50\n2024-01-03,Food,b,10\n2024-02-09,Food,c,15.50\n2024-01-30,Art,d,25.50\n`,
  )
  assert.deepEqual(summarise(entries), {
    count: 4,
    from: '2024-01-03',
    to: '2024-02-09',
    cents: 10100,
    categories: [
      { name: 'Rent', count: 1, cents: 5000, share: 50 },
      { name: 'Art', count: 1, cents: 2550, share: 25 },
      { name: 'Food', count: 2, cents: 2550, share: 25 },
    ],
    months: [
      { name: '2024-01', count: 2, cents: 3550 },
      { name: '2024-02', count: 2, cents: 6550 },
    ],
  })
})
