/**
 * A picture on a terminal that is drawn over itself as what it shows changes. Only lines that differ are written, all of a frame at
 * once, so that nothing flickers; when the terminal gets another size, it is drawn anew for that.
 */
import { Writable } from 'node:stream'
import { createLogUpdate } from 'log-update'
import type { Output, Terminal } from './terminal.ts'

/** Of the terminal as it is at this moment, in characters. */
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
/** What scrolls away cannot be drawn over: clears the screen, and goes to its beginning. */
const clearScreen = '\u001b[2J\u001b[H'
/** A terminal writes `^C` where the cursor stands, which is below the picture. */
const eraseEcho = '\r\u001b[K'

/**
 * `lines`: as many as fit, each as wide as the terminal at most; null while there is nothing to show. What does not fit is cut. With
 * `everyMs` it is drawn by itself as well, for what changes with time.
 */
export const openPicture = (
  { out, columns }: Pick<Terminal, 'out' | 'columns'>,
  lines: (size: Size) => readonly string[] | null,
  everyMs?: number,
): Picture => {
  const draw = createLogUpdate(new Screen(out), { showCursor: true })
  const redraw = (): void => {
    const size = { columns: out.columns ?? columns, rows: (out.rows ?? rowsDefault) - 1 }
    const shown = lines(size)
    if (shown !== null) draw(shown.slice(0, size.rows).join('\n'))
  }
  const resized = (): void => {
    draw.done()
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
      out.write(eraseEcho)
      redraw()
      draw.done()
    },
  }
}

/** The terminal as a stream of Node's, which is what draws on it wants. */
class Screen extends Writable {
  readonly isTTY = true
  readonly #out: Output

  constructor(out: Output) {
    super({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        out.write(text)
        done()
      },
    })
    this.#out = out
  }

  get columns(): number | undefined {
    return this.#out.columns
  }

  get rows(): number | undefined {
    return this.#out.rows
  }
}
