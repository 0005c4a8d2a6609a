/** The log of what runs inside a process of ours: lines with their time, in a file of the data folder. */
import { createWriteStream, renameSync, statSync } from 'node:fs'

const bytesMax = 10 * 1024 * 1024

type Say = (fields: object, text: string) => void

/** What daemons log to: a level, fields, and a sentence. */
export interface LevelledLog {
  debug: Say
  info: Say
  warn: Say
  error: Say
}

export interface LogFile {
  line: (text: string) => void
  levelled: LevelledLog
  close: () => Promise<void>
}

/** Opens the log; one that has grown over 10 MiB is set aside as `<file>.1`. `also` sees every line, too. */
export const openLog = (file: string, also: (text: string) => void = () => undefined): LogFile => {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > bytesMax) renameSync(file, `${file}.1`)
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  // A full disk must not end the process that this log is about.
  stream.on('error', (error) => also(`the log ${file} cannot be written: ${error.message}`))
  const line = (text: string): void => {
    stream.write(`${new Date().toISOString()} ${text}\n`)
    also(text)
  }
  return { line, levelled: levelled(line), close: () => new Promise((done) => stream.end(done)) }
}

/** Lines for sentences with fields; `debug` is left out. */
export const levelled = (line: (text: string) => void): LevelledLog => {
  const say =
    (level: string): Say =>
    (fields, text) => {
      const told = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields, errorsAsText)}`
      line(`${level}: ${text}${told}`)
    }
  return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') }
}

const errorsAsText = (_key: string, value: unknown): unknown =>
  value instanceof Error ? (value.stack ?? value.message) : value
