/** What attempts of this daemon wrote, for whoever asks: while they run, and afterwards for as long as their logs are kept. */
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { outputPartBytes } from '../protocol/limits.ts'
import type { OutputOrder, OutputPart } from '../protocol/task.ts'
import type { AttemptRecord, Attempts } from './attempts.ts'
import { attemptKey } from './attempts.ts'
import type { Surroundings } from './attempt.ts'
import type { Output } from './output.ts'
import { openOutput } from './output.ts'
import type { Part } from './output-log.ts'
import { readOutputLog } from './output-log.ts'
import type { RunningAttempts } from './running.ts'

/** Where an attempt's output is kept. */
export const logFile = (logs: string, attempt: { task: string; attempt: number }): string =>
  join(logs, `${attemptKey(attempt)}.log`)

/** Where what an attempt writes goes: its log file, and whoever watches. */
export const outputOf = (
  record: AttemptRecord,
  { home, wire, log }: Pick<Surroundings, 'home' | 'wire' | 'log'>,
  flows: () => void,
): Output =>
  openOutput({
    attempt: record.attempt,
    file: logFile(home.logs, record),
    flows,
    publish: (lines) => {
      try {
        wire.output(record.task, lines)
      } catch (error) {
        log.debug({ task: record.task, error: String(error) }, 'output was not published')
      }
    },
    lost: (error) => log.warn({ task: record.task, error: String(error) }, 'output was not written to the log file'),
  })

/** Throws NOT_FOUND for an attempt that this daemon does not know, or whose log it does not keep any more. */
export const openOutputs =
  (running: RunningAttempts, attempts: Attempts, logs: string) =>
  async (order: OutputOrder): Promise<OutputPart> => {
    const key = attemptKey(order)
    const live = running.output(key)
    if (live !== null) return partOf(order, live(order.offset), false)
    const record = running.find(key) ?? (await attempts.find(order.task, order.attempt))
    if (record === null) throw notKept(order)
    return partOf(order, kept(logFile(logs, order), record, order), record.outcome !== null)
  }

const kept = (file: string, { output, outcome }: AttemptRecord, order: OutputOrder): Part => {
  const wroteNothing = output === null ? outcome === null : output.head === 0 && output.leftOut === 0
  if (wroteNothing) return { offset: 0, bytes: Buffer.alloc(0), total: 0 }
  if (output === null) throw notKept(order)
  try {
    return readOutputLog(file, output, order.offset, outputPartBytes)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw notKept(order)
    throw cause
  }
}

const notKept = ({ task, attempt }: OutputOrder): WritError =>
  new WritError('NOT_FOUND', `this daemon keeps no output of attempt ${attempt} of ${task}`, {
    hint: 'what is old, or more than its disk limit holds, is not kept',
  })

const partOf = ({ attempt }: OutputOrder, { offset, bytes, total }: Part, ended: boolean): OutputPart => {
  const whole = wholeCharacters(bytes)
  return { attempt, offset, text: whole.toString('utf8'), next: offset + whole.length, total, ended }
}

/** Without the beginning of a character whose end is in the next part. */
const wholeCharacters = (bytes: Buffer): Buffer => {
  for (let back = 1; back <= Math.min(4, bytes.length - 1); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}
