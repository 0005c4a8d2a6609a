/**
 * Which folder something was written for. A copy of a data folder holds all that is written in the original, so what says that a
 * process runs on it also says by what the system knows the folder: that stays when it gets another name, and no copy has it.
 */
import { statSync } from 'node:fs'
import { z } from 'zod'

export const folderId = z.object({ device: z.string(), inode: z.string() })
export type FolderId = z.infer<typeof folderId>

export function idOf(root: string): FolderId {
  // An inode may be a number that a double does not hold.
  const { dev, ino } = statSync(root, { bigint: true })
  return { device: String(dev), inode: String(ino) }
}

/** Whether this folder is still the one at its path. */
export function isStillAt(root: string, { device, inode }: FolderId): boolean {
  const found = statSync(root, { bigint: true, throwIfNoEntry: false })
  return found !== undefined && String(found.dev) === device && String(found.ino) === inode
}

/** Whether this was written for the folder `root`; what is older than such words is believed. */
export function isFor(id: FolderId | undefined, root: string): boolean {
  if (id === undefined) return true
  const { device, inode } = idOf(root)
  return id.device === device && id.inode === inode
}
