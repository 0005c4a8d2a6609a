import assert from 'node:assert/strict'
import test from 'node:test'
import { readCsv } from '../src/csv.js'

test('reads plain fields', () => {
  assert.deepEqual(readCsv('a,b\n1,2\n'), [['a', 'b'], ['1', '2']])
})

test('reads quoted fields with commas, quotes and line breaks', () => {
  assert.deepEqual(readCsv('"a,b","say ""hi""","two\nlines"\n'), [['a,b', 'say "hi"', 'two\nlines']])
})

test('keeps empty fields, skips empty lines, takes CRLF, needs no line break at the end', () => {
  assert.deepEqual(readCsv('a,,c\r\n\r\n,\r\nx,y,'), [['a', '', 'c'], ['', ''], ['x', 'y', '']])
})

test('an empty text has no rows', () => {
  assert.deepEqual(readCsv(''), [])
})
