import assert from 'node:assert/strict'
import test from 'node:test'
import * as csv from '../src/csv.js'

/** Says both texts on one line each, so that a line break in a field can be seen. */
function writes(row, expected) {
  const actual = csv.writeCsv([row])
  const message = `the text differs\n  expected: ${JSON.stringify(expected)}\n  actual:   ${JSON.stringify(actual)}`
  assert.equal(actual, expected, message)
}

test('writes plain fields as they are', () => writes(['a', '', 'c d'], 'a,,c d\n'))

test('what it writes reads back the same', () => {
  const rows = [['plain', 'a,b'], ['"', ''], ['x\ny', '"a", "b"']]
  assert.deepEqual(csv.readCsv(csv.writeCsv(rows)), rows)
})

test('quotes a field with a comma', () => writes(['a,b', 'c'], '"a,b",c\n'))

test('quotes a field with a quote, and doubles the quote', () => writes(['5" nail'], '"5"" nail"\n'))

test('quotes a field with a line break', () => writes(['two\nlines'], '"two\nlines"\n'))
