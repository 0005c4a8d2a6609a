/**
 * Processes of an attempt that left its group (a session of their own, a double fork). Each still carries the attempt's
 * token in its environment, which is how it is known; where a system does not show that, only groups are ended.
 */
import { readdir, readFile } from 'node:fs/promises'

/** A variable of the environment that only processes of ours have with this value. */
export interface Mark {
  name: string
  value: string
}

export const tokenMark = (token: string): Mark => ({ name: 'WRIT_TOKEN', value: token })

/** Kills every process of this user that carries one of these marks. */
export const endStrays = async (...marks: readonly Mark[]): Promise<void> => {
  if (process.platform !== 'linux' || marks.length === 0) return
  const wanted = new Set(marks.map(({ name, value }) => `${name}=${value}`))
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = await Promise.all(
    pids.map(async (pid) => ((await environmentOf(pid)).some((entry) => wanted.has(entry)) ? [Number(pid)] : [])),
  )
  for (const pid of found.flat()) kill(pid)
}

const environmentOf = async (pid: string): Promise<readonly string[]> => {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0')
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
