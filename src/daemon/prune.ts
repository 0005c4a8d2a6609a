/** Clean-up at the start of a daemon, when nothing of it runs: what a crash left, what is old, and what is over the disk limit. */
import type { Stats } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attempts } from './attempts.ts'
import type { Home } from './home.ts'

/** How long records, logs and unused caches are kept, in ms. */
const keptMs = 7 * 24 * 60 * 60 * 1000

interface Entry {
  path: string
  usedAt: number
  bytes: number
}

/** `diskBytesMax`: for logs and caches together; the longest unused go first. */
export const prune = async (home: Home, attempts: Attempts, diskBytesMax: number): Promise<void> => {
  const before = Date.now() - keptMs
  for (const folder of [home.work, home.plans])
    await Promise.all((await readdir(folder)).map((name) => remove(join(folder, name))))
  await attempts.prune(before)
  const kept: Entry[] = []
  for (const entry of [...(await entriesOf(home.logs)), ...(await entriesOf(home.repos))]) {
    if (entry.usedAt < before) await remove(entry.path)
    else kept.push(entry)
  }
  await fit(kept, diskBytesMax)
  // The worktrees themselves are gone with the workspaces.
  for (const name of await readdir(home.repos)) await remove(join(home.repos, name, 'worktrees'))
}

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 })

const fit = async (entries: readonly Entry[], bytesMax: number): Promise<void> => {
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  for (const entry of entries.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= bytesMax) return
    await remove(entry.path)
    bytes -= entry.bytes
  }
}

const entriesOf = async (folder: string): Promise<Entry[]> => {
  const names = await readdir(folder)
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const found = await stat(path)
      return { path, usedAt: found.mtimeMs, bytes: await sizeOf(path, found) }
    }),
  )
}

const sizeOf = async (path: string, found: Stats): Promise<number> => {
  if (!found.isDirectory()) return found.size
  const files = await readdir(path, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
