/** The life of one attempt on this daemon: workspace, executor, the work pushed, and the outcome that is to be reported. */
import type { Spawn } from '../protocol/task.ts'
import type { AttemptRecord, Attempts, Outcome } from './attempts.ts'
import { failed } from './attempts.ts'
import type { Clones } from './clone.ts'
import type { DaemonClock } from './clock.ts'
import type { Ending } from './ending.ts'
import { openEnding } from './ending.ts'
import { execute } from './execution.ts'
import type { Choice } from './executors/choice.ts'
import { failureOf } from './failure.ts'
import type { Families } from './family.ts'
import type { Home } from './home.ts'
import type { Log } from './log.ts'
import type { Output } from './output.ts'
import type { Pulse } from './pulse.ts'
import { openPulse } from './pulse.ts'
import type { Reports } from './reports.ts'
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
  families: Families
  /** The allowed part of the daemon's own environment. */
  environment: Record<string, string>
  shell: string
  log: Log
  clock: DaemonClock
  /** Where what an attempt writes goes; `flows` is called for every piece of it. */
  openOutput: (record: AttemptRecord, flows: () => void) => Output
}

export interface RunningAttempt {
  end: Ending['end']
  outcome: Promise<Outcome>
  /** What it wrote so far, from this byte on. */
  read: Output['read']
  /** Removes its workspace: once the outcome is reported. */
  remove: () => Promise<void>
}

/** Runs an attempt whose record is on the disk. Never rejects: whatever goes wrong is an outcome. */
export const runAttempt = (record: AttemptRecord, spawn: Spawn, around: Surroundings): RunningAttempt =>
  overseen(record, spawn, around, (life) => perform(record, spawn, around, life))

/** What there is of an attempt while it runs. */
export interface Life {
  ending: Ending
  pulse: Pulse
  opened: { workspace: Workspace | null; output: Output | null }
}

/** An attempt as its daemon sees it: it can be ended, is when its time is over, and has an outcome whatever goes wrong in it. */
export const overseen = (
  record: AttemptRecord,
  spawn: Spawn,
  { reports, clock }: Pick<Surroundings, 'reports' | 'clock'>,
  work: (life: Life) => Promise<Outcome>,
): RunningAttempt => {
  const ending = openEnding()
  const pulse = openPulse(record, reports, clock, ending)
  const overTime = clock.after(Math.min(spawn.totalMs, 2 ** 31 - 1), () => ending.end('total'))
  const opened: Life['opened'] = { workspace: null, output: null }
  const outcome = work({ ending, pulse, opened })
    .catch((error: unknown) => failureOf(error, ending))
    .finally(() => {
      overTime.cancel()
      pulse.stop()
    })
  const nothing = { offset: 0, bytes: Buffer.alloc(0), total: 0 }
  return {
    end: ending.end,
    outcome,
    read: (offset) => opened.output?.read(offset) ?? nothing,
    remove: async () => opened.workspace?.remove(),
  }
}

const perform = async (
  record: AttemptRecord,
  spawn: Spawn,
  around: Surroundings,
  { ending, pulse, opened }: Life,
): Promise<Outcome> => {
  const { name, executor } = around.choice.of(spawn)
  if (executor === null) return failed(unknownExecutor(name, around.choice.names), false)
  const flows = (): void => pulse.progress()
  const use = { signal: ending.signal, flows }
  const output = around.openOutput(record, flows)
  opened.output = output
  try {
    const workspace = await openWorkspace(spawn, around.home.work, around.clones, use)
    opened.workspace = workspace
    const outcome = await execute({ record, spawn, around, ending, pulse, output, folder: workspace.folder, executor })
    if (outcome.verb === 'failed') return outcome
    const commit = await workspace.save()
    return { ...outcome, body: { ...outcome.body, ...(commit === null ? {} : { commit }) } }
  } finally {
    record.output = output.close()
  }
}

const unknownExecutor = (name: string, known: readonly string[]): string =>
  `this daemon has no executor ${JSON.stringify(name)}; it has ${known.join(', ')}`
