/** What `writ down` does: ends whatever runs on a data folder, and on request removes the folder. */
import { lstatSync, realpathSync, rmSync } from 'node:fs'
import type { Folders } from './folders.ts'

/** Removes the data folder and everything in it, wherever its cluster lies. Nothing may run on it any more. */
export async function wipe(folders: Folders): Promise<void> {
  if (lstatSync(folders.postgres, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    rmSync(realpathSync(folders.postgres), { recursive: true, force: true })
  }
  rmSync(folders.root, { recursive: true, force: true })
}
