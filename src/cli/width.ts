/** How much room text takes on a terminal: characters of East Asian scripts and emoji are two columns wide, marks none. */
import measured from 'fast-string-truncated-width'

/** In columns. */
export const widthOf = (text: string): number => measured(text).width

/** With spaces behind it, so that it is at least so wide. */
export const padded = (text: string, columns: number): string =>
  `${text}${' '.repeat(Math.max(0, columns - widthOf(text)))}`

/** A row never wraps: its end is cut, which by order of columns is what matters least. */
export const fit = (line: string, columns: number): string => {
  const { truncated, index } = measured(line, { limit: Math.max(0, columns), ellipsis: '…' })
  return truncated ? `${line.slice(0, index)}…` : line
}
