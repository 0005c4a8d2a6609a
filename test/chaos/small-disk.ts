/** A file system of its own that is small enough to be filled: in memory, where the machine allows one to be mounted. */
import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { atExit } from './at-exit.ts'

export interface SmallDisk {
  /** Takes all room that is left. */
  fill: () => void
  free: () => void
  /** With all that is on it, unless that is to be kept: then it lies in the folder afterwards. */
  remove: (keep?: boolean) => void
}

const size = '1g'
const blockBytes = 1024 * 1024

/** Null: it cannot be had here (only root on Linux may mount). */
export const smallDisk = (folder: string): SmallDisk | null => {
  mkdirSync(folder, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0711`, 'writ-chaos', folder], { stdio: 'ignore' })
  } catch {
    // Not ours to mount, or no such program.
    return null
  }
  const ballast = join(folder, 'ballast')
  let removed = false
  const unmount = (): void => void execFileSync('umount', ['-l', folder], { stdio: 'ignore' })
  const spared = atExit(unmount)
  return {
    fill: () => fill(ballast),
    free: () => rmSync(ballast, { force: true }),
    remove: (keep = false) => {
      if (removed) return
      removed = true
      const kept = `${folder}.kept`
      // With its owners: Postgres opens nothing that is not its own.
      if (keep) execFileSync('cp', ['-a', folder, kept])
      unmount()
      spared()
      if (!keep) return
      rmSync(folder, { recursive: true, force: true })
      renameSync(kept, folder)
    },
  }
}

/** To the last byte: by large blocks, then by ever smaller ones. */
const fill = (file: string): void => {
  const to = openSync(file, 'a')
  try {
    for (let bytes = blockBytes; bytes >= 1;) {
      try {
        writeSync(to, Buffer.alloc(bytes))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        bytes = Math.floor(bytes / 4)
      }
    }
    fsyncSync(to)
  } finally {
    closeSync(to)
  }
}
