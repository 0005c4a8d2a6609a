// The part `bin/ledger.js`: the command, and the README that now describes a finished program.
export const file = 'bin/ledger.js'

export const edit = (read) => ({ [file]: module, 'README.md': readme(read('README.md')) })

const readme = (text) => `${text.split('\n| module |')[0]}\n${usage}`

const usage = `    ledger report FILE    the report, as Markdown
    ledger totals FILE    the totals by category, as CSV

\`npm test\` runs the tests. \`data/\` holds a year of entries and what the command prints for it.
`

const module = String.raw`#!/usr/bin/env node
/** The command. Exit codes: 0 done, 1 the file cannot be read or is not right, 2 usage. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { writeCsv } from '../src/csv.js'
import { formatCents } from '../src/money.js'
import { report } from '../src/report.js'
import { readEntries, summarise } from '../src/summary.js'

const verbs = {
  report: (summary, file) => report(basename(file, '.csv'), summary),
  totals: ({ categories }) =>
    writeCsv([['category', 'amount'], ...categories.map(({ name, cents }) => [name, formatCents(cents)])]),
}

const [verb, file, ...more] = process.argv.slice(2)
if (!Object.hasOwn(verbs, verb ?? '') || file === undefined || more.length > 0) {
  process.stderr.write('usage: ledger report|totals FILE\n')
  process.exitCode = 2
} else {
  try {
    process.stdout.write(verbs[verb](summarise(readEntries(readFileSync(file, 'utf8'))), file))
  } catch (error) {
    process.stderr.write('ledger: ' + file + ': ' + error.message + '\n')
    process.exitCode = 1
  }
}
`
