/** Files that are whole and on the disk once the promise resolves: a crash in between leaves the old content. */
import { randomBytes } from 'node:crypto'
import { fchownSync, statSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces `file` with this text, mode 0600. Rejects with the system's error (a full disk, say) and then changed nothing. */
export const writeDurably = async (file: string, text: string): Promise<void> => {
  await replace(file, text, true)
  await syncFolder(dirname(file))
}

/** The same without waiting for the disk: whole for whoever reads it, also after a crash of this process. */
export const replaceFile = (file: string, text: string): Promise<void> => replace(file, text, false)

const replace = async (file: string, text: string, sync: boolean): Promise<void> => {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      giveToOwner(handle.fd, dirname(file))
      await handle.writeFile(text)
      if (sync) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** The rename itself is only on the disk once the folder is. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What root writes into the folder of another user, as `writ down` does, is that one's, who could not read it otherwise. */
export const giveToOwner = (fd: number, folder: string): void => {
  const { uid, gid } = statSync(folder)
  if (process.getuid?.() !== 0 || uid === 0) return
  try {
    fchownSync(fd, uid, gid)
  } catch {
    // A disk that knows no owners.
  }
}
