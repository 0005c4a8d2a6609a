/** Takes away a folder of ours with whatever a task has put there: module caches, for one, are folders without the right to write. */
import { chmod, lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes the folder (or file); none there is fine. Throws the system's error where something is another user's, or in use. */
export const removeFolder = async (folder: string): Promise<void> => {
  try {
    await rm(folder, whole)
  } catch (error) {
    if (!isRefusal(error)) throw error
    await allow(folder)
    await rm(folder, whole)
  }
}

const whole = { recursive: true, force: true, maxRetries: 3 } as const

/** What the system says where a right is missing. */
const refusals = new Set<unknown>(['EACCES', 'EPERM'])
const isRefusal = (error: unknown): boolean => error instanceof Error && 'code' in error && refusals.has(error.code)

/** To read, write and enter: a file goes by the rights of its folder. Links are not followed; others' folders stay as they are. */
const allow = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null)
  if (found?.isDirectory() !== true) return
  if ((found.mode & 0o700) !== 0o700) await chmod(path, (found.mode & 0o7777) | 0o700).catch(() => undefined)
  for (const name of await readdir(path).catch(() => [])) await allow(join(path, name))
}
