/** How much of the disk files and folders take. What goes away while it is looked at counts as nothing. */
import type { Stats } from 'node:fs'
import { readdir, lstat } from 'node:fs/promises'
import { join } from 'node:path'

export interface Entry {
  path: string
  usedAt: number
  bytes: number
}

export const entriesOf = async (folder: string, names: readonly string[]): Promise<Entry[]> => {
  const entries: Entry[] = []
  for (const path of names.map((name) => join(folder, name))) {
    const found = await look(path)
    if (found !== null) entries.push({ path, usedAt: found.mtimeMs, bytes: await bytesOf(path) })
  }
  return entries
}

/** Links are not followed. One folder after the other, so that a large tree does not keep the daemon from beating. */
export const bytesOf = async (path: string): Promise<number> => {
  const found = await look(path)
  if (found === null) return 0
  if (!found.isDirectory()) return found.size
  let bytes = 0
  for (const name of await readdir(path).catch(() => [])) bytes += await bytesOf(join(path, name))
  return bytes
}

const look = (path: string): Promise<Stats | null> => lstat(path).catch(() => null)
