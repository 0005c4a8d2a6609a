/**
 * What an attempt's processes write: to the log file, live to whoever watches, and its last part kept for the report.
 * Live lines are batched and may be left out when there are too many; the log has them.
 */
import { outputBytesMax, outputPartBytes } from '../protocol/limits.ts'
import type { OutputLines } from '../protocol/commands.ts'
import { lineReader } from './lines.ts'
import type { Kept, Part } from './output-log.ts'
import { openOutputLog } from './output-log.ts'
import type { Stream, Take } from './process.ts'

/** Two streams, each at most every 100 ms: at most 20 publishes a second. */
const batchMs = 100
const batchCharsMax = 64 * 1024
const liveLineCharsMax = 8 * 1024
/** A flood is read no faster than this, so that the daemon still beats. */
const floodBytes = 2 * 1024 * 1024
/** Of the text that goes into a report. */
const tailCharsMax = 16 * 1024

/** The last characters of what was added. */
export interface Tail {
  add: (text: string) => void
  text: () => string
}

export const keepTail = (charsMax = tailCharsMax): Tail => {
  let kept = ''
  return {
    add: (text) => {
      kept += text
      if (kept.length > 2 * charsMax) kept = kept.slice(-charsMax)
    },
    text: () => kept.slice(-charsMax),
  }
}

export interface Output {
  take: Take
  /** A line of the daemon itself. */
  note: (line: string) => void
  /** What was kept, from this byte on. */
  read: (offset: number) => Part
  close: () => Kept
}

export interface OutputOptions {
  attempt: number
  file: string
  publish: (lines: OutputLines) => void
  /** Called for every piece of output: the sign of life that the stall time-out waits for. */
  flows: () => void
  lost: (error: unknown) => void
}

export const openOutput = (options: OutputOptions): Output => {
  const log = openOutputLog(options.file, outputBytesMax, options.lost)
  const live = { stdout: liveLines(options, 'stdout'), stderr: liveLines(options, 'stderr') }
  const flood = floodGate()
  // One write for all lines of a chunk: a flood has millions of them.
  let unwritten = ''
  const take = (line: string, stream: Stream): void => {
    unwritten += `${line}\n`
    live[stream].add(line)
  }
  const write = (): void => {
    if (unwritten !== '') log.write(unwritten)
    unwritten = ''
  }
  const readers = {
    stdout: lineReader((line) => take(line, 'stdout')),
    stderr: lineReader((line) => take(line, 'stderr')),
  }
  return {
    take: (chunk, stream) => {
      options.flows()
      readers[stream].push(chunk)
      write()
      return flood(chunk.length)
    },
    note: (line) => {
      take(`writ: ${line}`, 'stderr')
      write()
    },
    read: (offset) => log.read(offset, outputPartBytes),
    close: () => {
      for (const stream of ['stdout', 'stderr'] as const) {
        readers[stream].end()
        live[stream].flush()
      }
      write()
      return log.close()
    },
  }
}

/** How many ms to wait before reading on: nothing, until a tenth of a second has brought too much. */
const floodGate = (): ((bytes: number) => number) => {
  let [since, seen] = [Date.now(), 0]
  return (bytes) => {
    const passed = Date.now() - since
    if (passed >= batchMs) [since, seen] = [Date.now(), 0]
    seen += bytes
    return seen > floodBytes ? Math.max(1, batchMs - passed) : 0
  }
}

const liveLines = ({ attempt, publish }: OutputOptions, stream: Stream) => {
  let [lines, chars, leftOut]: [string[], number, number] = [[], 0, 0]
  let timer: NodeJS.Timeout | null = null
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (leftOut > 0) lines.push(`… ${leftOut} lines left out here, see the log …`)
    const text = lines.join('\n')
    const some = lines.length > 0
    ;[lines, chars, leftOut] = [[], 0, 0]
    if (some) publish({ attempt, stream, text })
  }
  const add = (whole: string): void => {
    const line = whole.length > liveLineCharsMax ? `${whole.slice(0, liveLineCharsMax)}…` : whole
    if (chars + line.length > batchCharsMax) leftOut++
    else {
      lines.push(line)
      chars += line.length + 1
    }
    timer ??= setTimeout(flush, batchMs)
  }
  return { add, flush }
}
