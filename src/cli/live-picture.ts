/** A picture of a directive that is drawn over itself as it changes, and once a second for the times in it. */
import { createLogUpdate } from 'log-update'
import type { DirectiveView } from '../protocol/views.ts'

const everyMs = 1_000

export interface Picture {
  show: (view: DirectiveView) => void
  /** Leaves the last picture standing. */
  close: () => void
}

/** Draws on stdout. What does not fit into `rows` is cut: a terminal cannot redraw what has scrolled away. */
export const openPicture = async (lines: (view: DirectiveView) => string[], rows: number): Promise<Picture> => {
  const draw = createLogUpdate(process.stdout, { showCursor: true })
  let last: DirectiveView | null = null
  const redraw = (): void => {
    if (last !== null) draw(cut(lines(last), rows - 1).join('\n'))
  }
  const timer = setInterval(redraw, everyMs)
  return {
    show: (view) => {
      last = view
      redraw()
    },
    close: () => {
      clearInterval(timer)
      draw.done()
    },
  }
}

const cut = (lines: string[], rows: number): string[] =>
  lines.length <= rows
    ? lines
    : [...lines.slice(0, rows - 1), `… and ${lines.length - rows + 1} more: writ directive show`]
