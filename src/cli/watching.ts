/** What `writ directive watch` shows on a terminal, kept up to date by what it hears of the directive. */
import type { FollowOptions } from './follow.ts'
import { openPicture } from './live-picture.ts'
import { openPacing } from './pace.ts'
import type { Terminal } from './terminal.ts'
import { spinMs, type Watched, watchLines } from './watch-text.ts'

export interface Watching {
  listener: Omit<FollowOptions, 'signal'>
  /** Leaves the last picture standing. */
  close: () => void
}

/** How much of the history is looked at: enough for the pace of the last minutes. */
const lastEvents = 500
const shownEvents = 20

export const openWatching = (terminal: Terminal, now: () => number): Watching => {
  const pacing = openPacing()
  const seen: Pick<Watched, 'silence'> & { view: Watched['view'] | null; events: Watched['events'][number][] } = {
    view: null,
    events: [],
    silence: null,
  }
  const picture = openPicture(
    terminal,
    (size) => {
      const { view, events, silence } = seen
      if (view === null) return silence === null ? null : [`${silence}; waiting for a node`]
      return watchLines({ view, events, silence, pace: pacing.of(view, now()) }, terminal.paint, size, now())
    },
    spinMs,
  )
  return {
    listener: {
      last: lastEvents,
      view: (view) => {
        seen.view = view
        seen.silence = null
        picture.redraw()
      },
      event: (event, step) => {
        pacing.heard(event)
        seen.events = [...seen.events, { event, step }].slice(-shownEvents)
      },
      waiting: (why) => {
        seen.silence = why
        picture.redraw()
      },
    },
    close: picture.close,
  }
}
