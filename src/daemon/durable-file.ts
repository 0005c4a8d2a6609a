/** Files that are whole and on the disk once the promise resolves: a crash in between leaves the old content. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces `file` with this text, mode 0600. Rejects with the system's error (a full disk, say) and then changed nothing. */
export const writeDurably = async (file: string, text: string): Promise<void> => {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await writeAndSync(temporary, text)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(file))
}

const writeAndSync = async (file: string, text: string): Promise<void> => {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
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
