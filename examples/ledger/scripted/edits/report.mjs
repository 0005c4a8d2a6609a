// The part `src/report.js`: the report as Markdown.
export const file = 'src/report.js'

export const edit = () => ({ [file]: module })

const module = String.raw`/** The report on a ledger, as Markdown. */
import { formatCents } from './money.js'
import { markdownTable } from './table.js'

/** The report on a summary, under a title. */
export function report(title, summary) {
  const heading = '# Ledger ' + title + '\n\n'
  if (summary.count === 0) return heading + 'No entries.\n'
  return heading + [overview(summary), byCategory(summary), byMonth(summary)].join('\n')
}

const overview = ({ count, from, to, cents }) =>
  count + ' entries from ' + from + ' to ' + to + ', ' + formatCents(cents) + ' in all.\n'

function byCategory({ categories }) {
  const row = ({ name, count, cents, share }) => [name, String(count), formatCents(cents), share + ' %']
  const numbers = ['Entries', 'Amount', 'Share']
  return '## By category\n\n' + markdownTable(['Category', ...numbers], categories.map(row), numbers)
}

function byMonth({ months }) {
  const row = ({ name, count, cents }) => [name, String(count), formatCents(cents)]
  const numbers = ['Entries', 'Amount']
  return '## By month\n\n' + markdownTable(['Month', ...numbers], months.map(row), numbers)
}
`
