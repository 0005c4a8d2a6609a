/**
 * Processes of an attempt that left its group (a session of their own, a double fork). Each still carries the attempt's
 * token in its environment, which is how it is known; where a system does not show that, only groups are ended.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** A variable of the environment that only processes of ours have with this value. */
export interface Mark {
  name: string
  value: string
}

export const tokenMark = (token: string): Mark => ({ name: 'WRIT_TOKEN', value: token })

/** Looked at before other things have their turn. */
const processesAtOnce = 100
/** Within this time, in ms, no system comes to give an id of a process to another one. */
const idsLastMs = 5000

/** The processes of a moment: none of them is a stray of what begins after it. */
export interface Moment {
  ids: ReadonlySet<string>
  at: number
}

export const momentOfProcesses = (): Moment => ({ ids: new Set(idsOfProcesses()), at: Date.now() })

/** Kills every process of this user that carries one of these marks. `since`: a moment before the first of them can have begun. */
export const endStrays = async (marks: readonly Mark[], since?: Moment): Promise<void> => {
  const wanted = new Set(marks.map(({ name, value }) => `${name}=${value}`))
  const known = since !== undefined && Date.now() - since.at < idsLastMs ? since.ids : null
  const ids = idsOfProcesses().filter((id) => known?.has(id) !== true)
  for (let from = 0; from < ids.length; from += processesAtOnce) {
    if (from > 0) await nextTurn()
    for (const id of ids.slice(from, from + processesAtOnce))
      if (environmentOf(id).some((entry) => wanted.has(entry))) kill(Number(id))
  }
}

const idsOfProcesses = (): string[] =>
  process.platform === 'linux'
    ? readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    : []

const environmentOf = (pid: string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
  } catch {
    // It has ended, or is another user's: none of ours.
    return []
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It ended since it was looked at.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
