/**
 * A picture on a terminal that is drawn over itself as what it shows changes. Lines that are the same are passed over, the others
 * overwritten in their place, all of a frame in one write, so that nothing flickers. When the terminal gets another size it is drawn anew.
 */
import type { Terminal } from './terminal.ts'

/** What there is room for, in characters. */
export interface Size {
  columns: number
  rows: number
}

export interface Picture {
  /** Draws it as it is now. */
  redraw: () => void
  /** Draws it once more, and leaves it standing. */
  close: () => void
}

const rowsDefault = 24
/**
 * Terminals that know of it show nothing of what comes in between; the others pass it over. No line wraps meanwhile, were it wider than was
 * thought: all that comes after it would stand in the wrong place.
 */
const [frameBegins, frameEnds] = ['\u001b[?2026h\u001b[?7l', '\u001b[?7h\u001b[?2026l']
const [eraseRestOfLine, eraseBelow] = ['\u001b[K', '\u001b[J']
/** Where the lines of before are after another size is for the terminal to say: it begins anew. */
const clearScreen = '\u001b[2J\u001b[H'

/**
 * `lines`: as many as fit, each as wide as the size at most; null while there is nothing to show. What does not fit is cut: what has
 * scrolled away cannot be overwritten. With `everyMs` it is drawn by itself as well, for what changes with time.
 */
export const openPicture = (
  { out, columns }: Pick<Terminal, 'out' | 'columns'>,
  lines: (size: Size) => readonly string[] | null,
  everyMs?: number,
): Picture => {
  let before: readonly string[] = []
  /** The last column stays free: what is erased behind a line that reaches it would be its last character. The cursor stands below. */
  const size = (): Size => ({ columns: (out.columns ?? columns) - 1, rows: (out.rows ?? rowsDefault) - 1 })
  const redraw = (): void => {
    const room = size()
    const now = lines(room)?.slice(0, room.rows)
    if (now === undefined) return
    const change = changeOf(before, now)
    before = now
    if (change !== '') out.write(`${frameBegins}${change}${frameEnds}`)
  }
  const resized = (): void => {
    before = []
    out.write(clearScreen)
    redraw()
  }
  const timer = everyMs === undefined ? undefined : setInterval(redraw, everyMs)
  out.on?.('resize', resized)
  return {
    redraw,
    close: () => {
      clearInterval(timer)
      out.off?.('resize', resized)
      // A terminal writes `^C` where the cursor stands, which is below the picture.
      out.write(`\r${eraseRestOfLine}`)
      redraw()
    },
  }
}

/** From below the picture to below the picture. */
const changeOf = (before: readonly string[], now: readonly string[]): string => {
  if (before.length === now.length && now.every((line, at) => line === before[at])) return ''
  const up = before.length === 0 ? '' : `\u001b[${before.length}A`
  const over = now.map((line, at) => (line === before[at] ? '\n' : `${line}${eraseRestOfLine}\n`))
  return `\r${up}${over.join('')}${before.length > now.length ? eraseBelow : ''}`
}
