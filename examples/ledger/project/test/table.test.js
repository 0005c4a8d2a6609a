import assert from 'node:assert/strict'
import test from 'node:test'
import { markdownTable } from '../src/table.js'

test('pads the columns', () => {
  assert.equal(
    markdownTable(['Name', 'Town'], [['Ann', 'Rome'], ['Konstantin', 'Ulm']]),
    ['| Name       | Town |', '| ---------- | ---- |', '| Ann        | Rome |', '| Konstantin | Ulm  |', ''].join('\n'),
  )
})

test('sets the named columns to the right', () => {
  assert.equal(
    markdownTable(['Name', 'Sum'], [['Ann', '1,200'], ['Bo', '7']], ['Sum']),
    ['| Name |   Sum |', '| ---- | ----: |', '| Ann  | 1,200 |', '| Bo   |     7 |', ''].join('\n'),
  )
})

test('a bar in a cell does not end it', () => {
  assert.equal(markdownTable(['A'], [['x|y']]), '| A    |\n| ---- |\n| x\\|y |\n')
})

test('a table may have no rows, and columns are never narrower than three', () => {
  assert.equal(markdownTable(['A'], []), '| A   |\n| --- |\n')
})
