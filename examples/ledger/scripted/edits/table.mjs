// The part `src/table.js`: Markdown tables.
export const file = 'src/table.js'

export const edit = () => ({ [file]: module })

const module = String.raw`/** Markdown tables that read well as plain text too. */

/** A table of rows of strings under headings. The columns whose heading is in "right" are set to the right. */
export function markdownTable(headings, rows, right = []) {
  const lines = [headings, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = headings.map((_, at) => Math.max(3, ...lines.map((row) => row[at].length)))
  const isRight = headings.map((heading) => right.includes(heading))
  const cells = (row) => row.map((cell, at) => (isRight[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
  const rule = widths.map((width, at) => (isRight[at] ? '-'.repeat(width - 1) + ':' : '-'.repeat(width)))
  const [head, ...body] = lines.map(cells)
  return [head, rule, ...body].map((row) => '| ' + row.join(' | ') + ' |\n').join('')
}
`
