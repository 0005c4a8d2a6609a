/**
 * Processes of an attempt that left its group (a session of their own, a double fork). They are known by the attempt's token,
 * which each still carries in its environment, and as descendants of its programs; where a system shows neither, only groups are ended.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Family } from './family.ts'
import { mayHaveEnvironment, statOf } from './process-group.ts'

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
/** How long the end of what was killed is waited for, in ms: one that hangs in the system may take forever. */
const endMs = 5000
/** How often those are looked for that were begun while the others were killed, or were just becoming another program. */
const roundsMax = 20
/** How long the first and each further look for the latter waits, in ms more each time: for a second in all. */
const becomingMs = 5

/** The processes of a moment: none of them is a stray of what begins after it. */
export interface Moment {
  ids: ReadonlySet<string>
  at: number
}

export const momentOfProcesses = (): Moment => ({ ids: new Set(idsOfProcesses()), at: Date.now() })

/**
 * Kills every process of this user that carries one of these marks or is of the family; resolves with their ids when they are gone, or hang in the system.
 * `since`: a moment before the first of them can have begun.
 */
export const endStrays = async (
  marks: readonly Mark[],
  { family, since }: { family?: Family; since?: Moment } = {},
): Promise<number[]> => {
  const killed = new Set<number>()
  const besides = since !== undefined && Date.now() - since.at < idsLastMs ? since.ids : new Set<string>()
  for (let round = 0; round < roundsMax; round++) {
    const { ids, areBecoming } = await marked(marks, besides)
    const found = new Set([...ids, ...((await family?.look(besides)) ?? [])])
    if (found.size === 0 && !areBecoming) break
    if (found.size === 0) await sleep(round * becomingMs)
    for (const pid of found) if (kill(pid)) killed.add(pid)
    if (!(await gone(found))) break
  }
  return [...killed]
}

/** `areBecoming`: some show nothing at this moment. */
const marked = async (
  marks: readonly Mark[],
  besides: ReadonlySet<string>,
): Promise<{ ids: number[]; areBecoming: boolean }> => {
  const wanted = new Set(marks.map(({ name, value }) => `${name}=${value}`))
  const ids = idsOfProcesses().filter((id) => !besides.has(id))
  const found: number[] = []
  let areBecoming = false
  for (let from = 0; from < ids.length; from += processesAtOnce) {
    if (from > 0) await nextTurn()
    for (const id of ids.slice(from, from + processesAtOnce)) {
      const environment = environmentOf(id)
      if (environment.some((entry) => wanted.has(entry))) found.push(Number(id))
      else if (environment.length === 1 && environment[0] === '' && mayHaveEnvironment(id)) areBecoming = true
    }
  }
  return { ids: found, areBecoming }
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

const gone = async (pids: ReadonlySet<number>): Promise<boolean> => {
  const lives = (pid: number): boolean => !['Z', 'X'].includes(statOf(pid)?.state ?? 'X')
  for (const until = Date.now() + endMs; Date.now() < until; await sleep(5)) if (![...pids].some(lives)) return true
  return false
}

const kill = (pid: number): boolean => {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch (error) {
    // It ended since it was looked at, or has become another user's.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return false
  }
}
