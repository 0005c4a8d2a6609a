/** The log of what runs inside a process of ours: pino's JSON lines, in a file of the data folder. */
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs'
import { type Log as LevelledLog, openLog as pinoLog } from '../log.ts'
import { logBytesMax } from '../protocol/limits.ts'

export interface LogFile {
  /** Writes one line: pino's JSON. */
  line: (text: string) => void
  /** A log whose lines carry these fields. */
  of: (bound: Record<string, string>) => LevelledLog
  close: () => Promise<void>
}

/** Opens the log; what would grow over 10 MiB is set aside as `<file>.1`, in the place of what was there. `also` sees every line, too. */
export const openLog = (file: string, also: (text: string) => void = () => undefined): LogFile => {
  let bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  let stream = appending(file, also)
  let ended: Promise<unknown> = Promise.resolve()
  const end = (): void => {
    const one = stream
    ended = Promise.all([ended, new Promise<void>((done) => one.end(() => done()))])
  }
  const makeRoom = (size: number): void => {
    if (bytes === 0 || bytes + size <= logBytesMax) return
    end()
    setAside(file, also)
    stream = appending(file, also)
    bytes = 0
  }
  const line = (text: string): void => {
    const size = Buffer.byteLength(text) + 1
    makeRoom(size)
    bytes += size
    stream.write(`${text}\n`)
    also(text)
  }
  const close = async (): Promise<void> => {
    end()
    await ended
  }
  return { line, of: (bound) => pinoLog(line, bound), close }
}

/** A full disk must not end the process that this log is about. */
const appending = (file: string, also: (text: string) => void): WriteStream =>
  createWriteStream(file, { flags: 'a', mode: 0o600 }).on('error', (error) =>
    also(`the log ${file} cannot be written: ${error.message}`),
  )

const setAside = (file: string, also: (text: string) => void): void => {
  try {
    renameSync(file, `${file}.1`)
  } catch (error) {
    also(`the log ${file} cannot be set aside: ${error instanceof Error ? error.message : String(error)}`)
  }
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
