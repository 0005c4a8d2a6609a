/** What the daemon says of itself: pino's form, so that its loggers fit. */
type Say = (fields: object, text: string) => void

export interface Log {
  debug: Say
  info: Say
  warn: Say
  error: Say
}
