import assert from 'node:assert/strict'
import test from 'node:test'
import * as money from '../src/money.js'

test('reads amounts to the cent', () => {
  assert.deepEqual(['4.35', '1.1', '7', '.5', '-0.07', '1,234.50'].map(money.toCents), [435, 110, 700, 50, -7, 123450])
})

test('refuses what is no amount', () => {
  for (const text of ['', 'abc', '12.345', '1e3', '--1']) {
    assert.throws(
      () => money.toCents(text),
      (error) => error.message === `"${text}" is no amount`,
    )
  }
})

test('writes two decimals and groups thousands', () => {
  assert.deepEqual([5, 100, 123456789, -7, -100000].map(money.formatCents), [
    '0.05',
    '1.00',
    '1,234,567.89',
    '-0.07',
    '-1,000.00',
  ])
})

test('shares are whole percents that add up to 100', () => {
  assert.deepEqual(money.shares([1, 1, 1]), [34, 33, 33])
  assert.deepEqual(money.shares([995, 4, 1]), [100, 0, 0])
  assert.deepEqual(money.shares([50, 25, 25]), [50, 25, 25])
})

test('nothing has no shares', () => {
  assert.deepEqual(money.shares([]), [])
  assert.deepEqual(money.shares([0, 0]), [0, 0])
})
