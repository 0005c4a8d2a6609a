/** An executor at work: what it may use, its programs as recorded processes, and what it leaves behind. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'
import type { Spawn } from '../protocol/task.ts'
import type { Surroundings } from './attempt.ts'
import type { AttemptRecord, Outcome } from './attempts.ts'
import { attemptKey } from './attempts.ts'
import type { Ending } from './ending.ts'
import type { Places } from './environment.ts'
import { taskEnvironment } from './environment.ts'
import type { Executor, Finished, Program, Work } from './executors/executor.ts'
import { failureOf } from './failure.ts'
import type { Home } from './home.ts'
import type { Output, Tail } from './output.ts'
import { keepTail } from './output.ts'
import { start } from './process.ts'
import type { Pulse } from './pulse.ts'
import { readRepository } from '../protocol/repository.ts'
import type { Family } from './family.ts'
import { endStrays, momentOfProcesses, tokenMark } from './strays.ts'

/** An attempt whose workspace is there. */
export interface Execution {
  record: AttemptRecord
  spawn: Spawn
  around: Surroundings
  ending: Ending
  pulse: Pulse
  output: Output
  folder: string
  executor: Executor
}

/** Runs the executor. Whatever it leaves behind is ended. */
export const execute = async (execution: Execution): Promise<Outcome> => {
  const { record, spawn, around, ending, pulse, output, folder, executor } = execution
  const admission = around.socket.admit({ spawn, progress: pulse.progress })
  const write = writerFor(record, around.home)
  const places: Places = {
    workspace: folder,
    planFile: write('plan.md', spawn.task.plan),
    feedbackFile: spawn.feedback === null ? null : write('feedback.md', spawn.feedback.text),
    socket: around.socket.path,
    token: admission.token,
    bin: around.home.bin,
  }
  record.token = admission.token
  const before = momentOfProcesses()
  const family = around.families.open()
  const stdout = keepTail()
  const env = taskEnvironment(around.environment, spawn, places)
  const work = {
    spawn,
    folder,
    planFile: places.planFile,
    write,
    shell: around.shell,
    note: output.note,
    run: (program: Program) => runProgram(program, execution, { env, stdout, family }),
    clone: () =>
      spawn.repository === null
        ? Promise.resolve(null)
        : around.clones.open(readRepository(spawn.repository), {
            signal: ending.signal,
            flows: () => pulse.progress(),
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
    await endStrays([tokenMark(admission.token)], { family, since: before }).finally(family.close)
  }
}

/** Beside the workspace, so that nothing of it becomes part of the work. */
const writerFor = (record: AttemptRecord, home: Home): Work['write'] => {
  const folder = join(home.plans, attemptKey(record))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return (name, text) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
}

const runProgram = async (
  program: Program,
  { record, around, ending, output, folder }: Execution,
  { env, stdout, family }: { env: Record<string, string>; stdout: Tail; family: Family },
): Promise<Finished> => {
  const [own, both, began] = [keepTail(), keepTail(), Date.now()]
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const gate = async (group: { id: number; started: string }): Promise<void> => {
    record.group = group
    family.add(group.id)
    await around.attempts.note(record)
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
