/** Tables: aligned with headings for a person, tab-separated without them for a pipe (whole values, one row a line). */
import { oneLine, type Terminal } from './terminal.ts'
import { fit, padded, widthOf } from './width.ts'

export interface Column<T> {
  heading: string
  text: (row: T) => string
  /** Numbers are set to the right. */
  right?: boolean
}

const gap = '  '

/** Prints one row a line. Says nothing when there is none: that is for the caller, who knows what would be there. */
export const printTable = <T>(terminal: Terminal, rows: readonly T[], columns: readonly Column<T>[]): void => {
  if (terminal.rich) for (const line of tableLines(terminal, rows, columns)) terminal.print(line)
  else for (const row of cellsOf(rows, columns)) terminal.print(row.join('\t'))
}

/** For a person: the headings, and a line for each row. */
export const tableLines = <T>(
  { paint, columns: wide }: Pick<Terminal, 'paint' | 'columns'>,
  rows: readonly T[],
  columns: readonly Column<T>[],
): string[] => {
  const cells = cellsOf(rows, columns)
  const widths = columns.map(({ heading }, at) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[at] ?? '')), heading.length),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (columns[at]?.right === true ? cell.padStart(widths[at] ?? 0) : padded(cell, widths[at] ?? 0)))
      .join(gap)
      .trimEnd()
  const headings = columns.map(({ heading }) => heading)
  return [paint.dim(fit(line(headings), wide)), ...cells.map((row) => fit(line(row), wide))]
}

const cellsOf = <T>(rows: readonly T[], columns: readonly Column<T>[]): string[][] =>
  rows.map((row) => columns.map(({ text }) => oneLine(text(row))))
