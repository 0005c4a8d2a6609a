/** Files for the user alone, written whole or not at all, so that a kill in the middle leaves the old content. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchownSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Replaces `file` in one step; mode 0600. */
export function writePrivately(file: string, text: string): void {
  renameSync(writeBeside(file, text), file)
}

/** A new file with a name of its own: what has that name already is never written to. */
function writeBeside(file: string, text: string): string {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    giveToOwner(fd, dirname(file))
    writeFileSync(fd, text, { flush: true })
  } finally {
    closeSync(fd)
  }
  return temporary
}

/** What root writes into the folder of another user is that one's, who could not read it otherwise, nor start there again. */
function giveToOwner(fd: number, folder: string): void {
  const { uid, gid } = statSync(folder)
  if (process.getuid?.() !== 0 || uid === 0) return
  try {
    fchownSync(fd, uid, gid)
  } catch {
    // A disk that knows no owners.
  }
}

/** The content of `file`, or undefined when there is no such file. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes `file` with this content unless it exists; false when it does. */
export function createPrivately(file: string, text: string): boolean {
  const temporary = writeBeside(file, text)
  try {
    // A link, unlike a rename, refuses to replace, and unlike an exclusive open it shows the content at once.
    linkSync(temporary, file)
    return true
  } catch (error) {
    // What it was to come from is gone when others, who were quicker, have cleared the folder.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** The secret of this name, generated at the first call and kept; 32 characters that need no quoting anywhere. */
export function keptSecret(folder: string, name: string): string {
  const file = join(folder, name)
  const known = readIfThere(file)?.trim()
  if (known !== undefined && known !== '') return known
  const made = randomBytes(16).toString('hex')
  if (known === undefined && !createPrivately(file, `${made}\n`)) return keptSecret(folder, name)
  if (known === '') writePrivately(file, `${made}\n`)
  return made
}
