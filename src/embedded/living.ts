/**
 * Who a process id belongs to right now. A pid alone proves nothing (the system hands them out again), so everything in
 * this folder that acts on a recorded pid compares the start time or the command line first.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Living {
  pid: number
  /** Opaque; equal only for the same process of the same boot. */
  started: string
  command: string
}

/** The process with this id, or undefined when there is none. One that has ended and only waits to be reaped is none. */
export function living(pid: number): Living | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  try {
    return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
  } catch {
    // Both sources answer an unknown pid with an error; it may also end between two reads.
    return undefined
  }
}

/** Whether `one` is still the same running process. */
export function stillLives(one: { pid: number; started: string }): boolean {
  return living(one.pid)?.started === one.started
}

/** The first process that `is` accepts. Slow: it goes through all that run. */
export function findLiving(is: (one: Living) => boolean): Living | undefined {
  for (const pid of pids()) {
    const one = living(pid)
    if (one !== undefined && is(one)) return one
  }
  return undefined
}

/**
 * Whether a process finds at `path` what we find there: in a container the same words lead elsewhere. One that cannot be looked
 * into, as another user's, is believed: a second server beside it would cost more than a start that is refused.
 */
export function findsTheSame(pid: number, path: string): boolean {
  if (process.platform !== 'linux') return true
  try {
    const options = { bigint: true, throwIfNoEntry: false } as const
    const [ours, theirs] = [statSync(path, options), statSync(`/proc/${pid}/root${path}`, options)]
    if (ours === undefined && theirs === undefined) return findsTheSame(pid, dirname(path))
    return ours?.dev === theirs?.dev && ours?.ino === theirs?.ino
  } catch {
    return true
  }
}

function pids(): number[] {
  if (process.platform !== 'linux') {
    return execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8' }).trim().split(/\s+/).map(Number)
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function fromProc(pid: number): Living | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command in brackets may itself hold spaces and brackets: fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, ticks] = [fields[0], fields[19]]
  if (state === 'Z' || state === 'X' || ticks === undefined) return undefined
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()
  return { pid, started: `${boot}:${ticks}`, command }
}

function fromPs(pid: number): Living | undefined {
  const options = { encoding: 'utf8', env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' }, stdio: 'pipe' } as const
  const line = execFileSync('ps', ['-ww', '-o', 'stat=,lstart=,command=', '-p', String(pid)], options).trim()
  const match = /^(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line)
  if (match === null || match[1]?.startsWith('Z') === true) return undefined
  return { pid, started: (match[2] ?? '').replace(/\s+/g, ' '), command: match[3] ?? '' }
}
