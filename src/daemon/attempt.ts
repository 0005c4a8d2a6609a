/** The life of one attempt on this daemon: workspace, executor, the work pushed, and the outcome that is to be reported. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'
import { codes, WritError } from '../protocol/errors.ts'
import type { Spawn } from '../protocol/task.ts'
import type { AttemptRecord, Attempts, Outcome } from './attempts.ts'
import { attemptKey, failed } from './attempts.ts'
import type { Clones } from './clone.ts'
import type { Ending } from './ending.ts'
import { Interrupted, openEnding } from './ending.ts'
import type { Places } from './environment.ts'
import { taskEnvironment } from './environment.ts'
import type { Choice } from './executors/choice.ts'
import type { Executor, Finished, Program } from './executors/executor.ts'
import type { Home } from './home.ts'
import type { Log } from './log.ts'
import type { Output } from './output.ts'
import { keepTail, openOutput } from './output.ts'
import { start } from './process.ts'
import { endStrays } from './strays.ts'
import type { Reports } from './reports.ts'
import { readRepository } from './repository.ts'
import type { TaskSocket } from './socket.ts'
import type { Wire } from './wire.ts'
import type { Workspace } from './workspace.ts'
import { openWorkspace } from './workspace.ts'

/** What attempts of one daemon share. */
export interface Surroundings {
  home: Home
  attempts: Attempts
  clones: Clones
  choice: Choice
  wire: Wire
  reports: Reports
  socket: TaskSocket
  /** The allowed part of the daemon's own environment. */
  environment: Record<string, string>
  shell: string
  log: Log
}

export interface RunningAttempt {
  end: Ending['end']
  outcome: Promise<Outcome>
  /** Removes its workspace: once the outcome is reported. */
  remove: () => Promise<void>
}

/** Runs an attempt whose record is on the disk. Never rejects: whatever goes wrong is an outcome. */
export const runAttempt = (record: AttemptRecord, spawn: Spawn, around: Surroundings): RunningAttempt => {
  const ending = openEnding()
  const overTime = setTimeout(() => ending.end('total'), Math.min(spawn.totalMs, 2 ** 31 - 1))
  const made: Workspace[] = []
  const outcome = perform(record, spawn, around, ending, made)
    .catch((error: unknown) => failureOf(error, ending))
    .finally(() => clearTimeout(overTime))
  const remove = async (): Promise<void> => void (await Promise.all(made.map((workspace) => workspace.remove())))
  return { end: ending.end, outcome, remove }
}

const perform = async (
  record: AttemptRecord,
  spawn: Spawn,
  around: Surroundings,
  ending: Ending,
  made: Workspace[],
): Promise<Outcome> => {
  const { name, executor } = around.choice.of(spawn)
  if (executor === null) return failed(unknownExecutor(name, around.choice.names), false)
  const flows = (): void => around.reports.progress(record)
  const use = { signal: ending.signal, flows }
  const output = outputOf(record, around, flows)
  try {
    const workspace = await openWorkspace(spawn, around.home.work, around.clones, use)
    made.push(workspace)
    const outcome = await execute({ record, spawn, around, ending, output, folder: workspace.folder, executor })
    if (outcome.verb === 'failed') return outcome
    const commit = await workspace.save()
    return { ...outcome, body: { ...outcome.body, ...(commit === null ? {} : { commit }) } }
  } finally {
    output.close()
  }
}

const unknownExecutor = (name: string, known: readonly string[]): string =>
  `this daemon has no executor ${JSON.stringify(name)}; it has ${known.join(', ')}`

const outputOf = (record: AttemptRecord, { home, wire, log }: Surroundings, flows: () => void): Output =>
  openOutput({
    attempt: record.attempt,
    file: join(home.logs, `${attemptKey(record)}.log`),
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

interface Execution {
  record: AttemptRecord
  spawn: Spawn
  around: Surroundings
  ending: Ending
  output: Output
  folder: string
  executor: Executor
}

const execute = async (execution: Execution): Promise<Outcome> => {
  const { record, spawn, around, ending, output, folder, executor } = execution
  const admission = around.socket.admit({ spawn, progress: (text) => around.reports.progress(record, text) })
  const places: Places = {
    workspace: folder,
    ...writePlan(spawn, around.home),
    socket: around.socket.path,
    token: admission.token,
    bin: around.home.bin,
  }
  record.token = admission.token
  const stdout = keepTail()
  const env = taskEnvironment(around.environment, spawn, places)
  const work = {
    spawn,
    folder,
    planFile: places.planFile,
    shell: around.shell,
    note: output.note,
    run: (program: Program) => runProgram(program, execution, env, stdout),
    clone: () =>
      spawn.repository === null
        ? Promise.resolve(null)
        : around.clones(readRepository(spawn.repository), {
            signal: ending.signal,
            flows: () => around.reports.progress(record),
          }),
  }
  try {
    const outcome = await executor(work).catch((error: unknown) => failureOf(error, ending))
    // What was asked to finish is done, however its process took the request.
    if (ending.reason() === 'finish')
      return outcome.verb === 'done' ? outcome : { verb: 'done', body: { result: clean(stdout.text()).trim() } }
    return ending.reason() === null ? outcome : failureOf(null, ending)
  } finally {
    admission.close()
    await endStrays(admission.token)
  }
}

/** Beside the workspace, so that it does not become part of the work. */
const writePlan = (spawn: Spawn, home: Home): Pick<Places, 'planFile' | 'feedbackFile'> => {
  const folder = join(home.plans, attemptKey({ task: spawn.task.id, attempt: spawn.task.attempt }))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const feedbackFile = spawn.feedback === null ? null : write('feedback.md', spawn.feedback.text)
  return { planFile: write('plan.md', spawn.task.plan), feedbackFile }
}

const runProgram = async (
  program: Program,
  { record, around, ending, output, folder }: Execution,
  env: Record<string, string>,
  stdout: ReturnType<typeof keepTail>,
): Promise<Finished> => {
  const [own, both, began] = [keepTail(), keepTail(), Date.now()]
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const gate = async (group: { id: number; started: string }): Promise<void> => {
    record.group = group
    await around.attempts.save(record)
  }
  const { timeoutMs, ...command } = program
  const running = await ending.watch(() =>
    start({ ...command, cwd: folder, env, gate }, (chunk, stream) => {
      const text = decoders[stream].write(chunk)
      both.add(text)
      if (stream === 'stdout') for (const tail of [own, stdout]) tail.add(text)
      return output.take(chunk, stream)
    }),
  )
  let timedOut = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          void running.stop()
        }, timeoutMs)
  const { code, signal } = await running.ended
  clearTimeout(timer)
  return {
    code,
    signal,
    timedOut,
    durationMs: Date.now() - began,
    stdoutTail: clean(own.text()),
    tail: clean(both.text()),
  }
}

/** For people and prompts: without colours, and without what no text column can hold. */
const clean = (text: string): string => stripVTControlCharacters(text).replaceAll('\0', '')

const failureOf = (error: unknown, ending: Ending): Outcome => {
  switch (ending.reason()) {
    case 'cancel':
      return failed('cancelled', false)
    case 'total':
      return failed('it took longer than it may in all', true)
    case 'stop':
      return failed('the daemon was stopped', true)
    case 'finish':
    case null:
      break
  }
  if (error instanceof Interrupted) return { verb: 'done', body: {} }
  // What the input is to blame for does not get better by trying; a program, a disk or a network may.
  const means = error instanceof WritError ? codes[error.code].retry || error.code === 'INTERNAL' : true
  const hint = error instanceof WritError && error.hint !== undefined ? ` (${error.hint})` : ''
  return failed(`${error instanceof Error ? error.message : String(error)}${hint}`.slice(0, 16_384), means)
}
