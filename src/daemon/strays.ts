/**
 * Processes of an attempt that left its group (a session of their own, a double fork). Each still carries the attempt's
 * token in its environment, which is how it is known; where a system does not show that, only groups are ended.
 */
import { readdir, readFile } from 'node:fs/promises'

/** Kills every process of this user that carries the token. */
export const endStrays = async (token: string): Promise<void> => {
  if (process.platform !== 'linux') return
  const mark = `WRIT_TOKEN=${token}`
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = await Promise.all(
    pids.map(async (pid) => ((await environmentOf(pid)).includes(mark) ? [Number(pid)] : [])),
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
