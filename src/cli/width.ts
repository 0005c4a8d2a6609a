/** How much room text takes on a terminal: characters of East Asian scripts and emoji are two columns wide, marks none. */
import measured from 'fast-string-truncated-width'

/** In columns. */
export const widthOf = (text: string): number => measured(text).width

/** With spaces behind it, so that it is at least so wide. */
export const padded = (text: string, columns: number): string =>
  `${text}${' '.repeat(Math.max(0, columns - widthOf(text)))}`

/** As people count them: an accent or a flag is not cut in two. */
const characters = new Intl.Segmenter('en')

/** A row never wraps: its end is cut, which by order of columns is what matters least. */
export const fit = (line: string, columns: number): string => {
  if (widthOf(line) <= columns) return line
  const { index } = measured(line, { limit: Math.max(0, columns), ellipsis: '…' })
  let cut = Array.from(characters.segment(line.slice(0, index)), ({ segment }) => segment)
  // The package counts a sign that is neither Latin nor wide only with what comes behind it.
  while (cut.length > 0 && widthOf(cut.join('')) >= columns) cut = cut.slice(0, -1)
  return `${cut.join('')}…`
}
