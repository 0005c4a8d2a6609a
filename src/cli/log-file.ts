/** The log of what runs inside a process of ours: pino's JSON lines, in a file of the data folder. */
import { createWriteStream, renameSync, statSync } from 'node:fs'
import { type Log as LevelledLog, openLog as pinoLog } from '../log.ts'

const bytesMax = 10 * 1024 * 1024

export interface LogFile {
  /** Writes one line: pino's JSON. */
  line: (text: string) => void
  /** A log whose lines carry these fields. */
  of: (bound: Record<string, string>) => LevelledLog
  close: () => Promise<void>
}

/** Opens the log; one that has grown over 10 MiB is set aside as `<file>.1`. `also` sees every line, too. */
export const openLog = (file: string, also: (text: string) => void = () => undefined): LogFile => {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > bytesMax) renameSync(file, `${file}.1`)
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  // A full disk must not end the process that this log is about.
  stream.on('error', (error) => also(`the log ${file} cannot be written: ${error.message}`))
  const line = (text: string): void => {
    stream.write(`${text}\n`)
    also(text)
  }
  return { line, of: (bound) => pinoLog(line, bound), close: () => new Promise((done) => stream.end(done)) }
}

/** Lines for people at a terminal: sentences with fields; `debug` is left out. */
export const levelled = (line: (text: string) => void): LevelledLog => {
  const say =
    (level: string) =>
    (fields: object, text: string): void => {
      const told = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields, errorsAsText)}`
      line(`${level}: ${text}${told}`)
    }
  return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') }
}

const errorsAsText = (_key: string, value: unknown): unknown =>
  value instanceof Error ? (value.stack ?? value.message) : value
