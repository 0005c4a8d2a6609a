/** Ends a process that is known by pid and start time, by signals of growing force; never one that merely got its pid. */
import { WritError } from '../protocol/errors.ts'
import { stillLives } from './living.ts'
import { until } from './until.ts'

export interface SignalStep {
  signal: NodeJS.Signals
  /** How long the process has before the next, harder signal. */
  waitMs: number
}

/** Sends each signal in turn until the process is gone; false when it survived all. Throws REFUSED for another user's process. */
export async function endProcess(
  one: { pid: number; started: string },
  steps: readonly SignalStep[],
): Promise<boolean> {
  for (const { signal, waitMs } of steps) {
    if (!stillLives(one)) return true
    send(one.pid, signal)
    if ((await until(() => (stillLives(one) ? undefined : true), { withinMs: waitMs })) === true) return true
  }
  return !stillLives(one)
}

/** The same for one that nothing may run beside: throws REFUSED, naming `what`, also when it survived all. */
export async function mustEnd(
  what: string,
  one: { pid: number; started: string },
  steps: readonly SignalStep[],
): Promise<void> {
  if (await endProcess(one, steps)) return
  throw new WritError('REFUSED', `${what} (process ${one.pid}) does not end`, {
    hint: 'the system ends it once what it waits for answers, a disk say; until then nothing takes its place',
  })
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It may have ended since it was looked at.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPERM') {
      const hint = `end it as that user, or as root: kill ${pid}`
      throw new WritError('REFUSED', `process ${pid} belongs to another user and cannot be ended`, { hint })
    }
    if (code !== 'ESRCH') throw error
  }
}
