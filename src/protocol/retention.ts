/** How long what is over is kept. */

/** In ms; null: for ever. */
export interface Retention {
  /** Directives that have ended, with all that belongs to them. */
  directivesMs: number | null
  /** Events of directives that are there; the last one of each always. */
  eventsMs: number | null
  /** What actors took, of those that are there: the beginnings of their journals. */
  journalsMs: number | null
}

export const forEver: Retention = { directivesMs: null, eventsMs: null, journalsMs: null }
