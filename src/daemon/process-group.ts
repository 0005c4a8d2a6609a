/**
 * A process group by record: its id and when its leader started. A bare id proves nothing (the system hands ids out
 * again), so nothing here signals a group of a predecessor before it is known to be the recorded one.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** `started` is opaque: equal only for the same process of the same boot. */
export interface ProcessGroup {
  id: number
  started: string
}

/** How long a group has between TERM and KILL, in ms. */
export const termMs = 10_000

/** What Linux tells of a process. `ticks`: when it started. */
export interface Stat {
  state: string
  parent: number
  group: number
  session: number
  ticks: number
}

/** Null: there is none, or not on a Linux. */
export const statOf = (pid: number | string): Stat | null => {
  const fields = fieldsOf(pid)
  if (fields === null) return null
  const [parent = 0, group = 0, session = 0] = fields.slice(1, 4).map(Number)
  return { state: fields[0] ?? 'X', parent, group, session, ticks: Number(fields[19]) }
}

/** From its state on, as proc(5) has them. */
const fieldsOf = (pid: number | string): string[] | null => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name in brackets may itself hold spaces and brackets.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    // It ended between two looks, or never was.
    return null
  }
}

/** Of the flags of a process: it is the kernel's own (PF_KTHREAD). */
const ofKernel = 0x00200000

/**
 * Whether a process whose environment has shown nothing may have one all the same: it is just becoming another program, or has become it since.
 * One that begins and ends at the same place is empty for good.
 */
export const mayHaveEnvironment = (pid: number | string): boolean => {
  const fields = fieldsOf(pid)
  const [state = 'X', flags, begin, end] = [0, 6, 47, 48].map((at) => fields?.[at])
  if (['Z', 'X'].includes(state) || (Number(flags) & ofKernel) !== 0) return false
  return Number(end) === 0 || begin !== end
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

const startedByPs = (pid: number): string | null => {
  try {
    const options = { encoding: 'utf8', stdio: 'pipe', env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' } } as const
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim() || null
  } catch {
    // ps answers an unknown id with an error.
    return null
  }
}

/** When this process started, or null when there is none (one that only waits to be reaped is none). */
export const startedAt = (pid: number): string | null => {
  if (process.platform !== 'linux') return startedByPs(pid)
  const stat = statOf(pid)
  return stat === null || stat.state === 'Z' ? null : `${bootId()}:${stat.ticks}`
}

/** Signals the whole group; false when nobody is left in it. */
export const signalGroup = (id: number, signal: NodeJS.Signals): boolean => {
  try {
    process.kill(-id, signal)
    return true
  } catch (error) {
    // EPERM: only zombies are left, or (macOS) a process that just ended.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH' || code === 'EPERM') return false
    throw error
  }
}

/**
 * Whether anyone of the recorded group lives. When its leader is gone, who is left counts only if all of them started
 * after it in the same boot: the kernel gives a group's id to nobody else while the group has members. And only in the session
 * that the leader began: once nobody was left, a shell may have got the id for a group of its own.
 */
export const groupLives = ({ id, started }: ProcessGroup): boolean => {
  if (process.platform !== 'linux') return startedByPs(id) === started
  const [boot, ticks] = [
    started.slice(0, started.lastIndexOf(':')),
    Number(started.slice(started.lastIndexOf(':') + 1)),
  ]
  if (boot !== bootId()) return false
  const leader = statOf(id)
  if (leader !== null && leader.ticks !== ticks) return false
  const members = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat !== null && stat.group === id && stat.state !== 'Z')
  return members.length > 0 && members.every((stat) => stat !== null && stat.ticks >= ticks && stat.session === id)
}

/** Ends what is left of a predecessor's group: TERM, 10 s (or `withinMs`), KILL. */
export const endGroup = async (group: ProcessGroup, withinMs = termMs): Promise<void> => {
  if (!groupLives(group)) return
  signalGroup(group.id, 'SIGTERM')
  for (const until = Date.now() + withinMs; Date.now() < until; await sleep(50)) {
    if (!groupLives(group)) return
  }
  if (groupLives(group)) signalGroup(group.id, 'SIGKILL')
}
