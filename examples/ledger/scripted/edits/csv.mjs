// The part `src/csv.js`: adds the writer to the module that can read already.
//
// The first version is a mistake that people really make: a field with a comma is put in quotes, and that is all. What
// else needs quotes is not written down here, and quotes are doubled only on evidence: both are worked out from the
// failing check's output, if the prompt has one.
import { comparisons } from './feedback.mjs'

export const file = 'src/csv.js'

export function edit(read, prompt) {
  const [reader, earlier = ''] = read(file).split('\nconst needsQuotes = ')
  return { [file]: `${reader.trimEnd()}\n\n${writer(improved(earlier, comparisons(prompt)))}` }
}

/** What an earlier version of the writer knew, and what the comparisons teach beyond that. */
function improved(earlier, pairs) {
  const known = /^\/\[(.*)\]\//.exec(earlier)?.[1] ?? ','
  const unquoted = pairs.filter(({ expected, actual }) => expected.startsWith('"') && !actual.startsWith('"'))
  const special = unquoted.flatMap(({ actual }) => actual.trimEnd().match(/[^\p{L}\p{N} ]/gu) ?? []).map(inClass)
  const undoubled = pairs.some(({ expected, actual }) => expected.includes('""') && !actual.includes('""'))
  return {
    special: [...new Set([known, ...special.filter((char) => !known.includes(char))])].join(''),
    inQuotes: undoubled || earlier.includes(doubling) ? doubling : 'value',
  }
}

const doubling = `value.replaceAll('"', '""')`
const inClass = (char) => (char === '\n' ? '\\n' : char.replace(/[\]\\^/-]/, '\\$&'))

const writer = ({ special, inQuotes }) => String.raw`const needsQuotes = /[${special}]/

const field = (value) => (needsQuotes.test(value) ? '"' + ${inQuotes} + '"' : value)

/** The CSV text of rows of strings, every row ended by a line break. */
export function writeCsv(rows) {
  return rows.map((row) => row.map(field).join(',') + '\n').join('')
}
`
