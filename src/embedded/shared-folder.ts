/** When we are root and Postgres runs as another user: a folder of root's that this user can enter. */
import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { canEnter, type OtherUser } from './other-user.ts'

const temporaryName = 'writ-root'

/** The system's place for such things, else the one for temporary files. Throws NO_SERVER when neither will do. */
export function sharedFolder(user: OtherUser): string {
  for (const folder of ['/var/lib/writ', join(tmpdir(), temporaryName)]) {
    if (isThere(folder) && canEnter(folder, user)) return trusted(folder)
  }
  throw new WritError('NO_SERVER', `there is no folder that root can write and the user ${user.name} can enter`, {
    hint: 'start writ as an ordinary user, or set WRIT_DATABASE_URL',
  })
}

/** Whether something is in root's folder among the temporary files, which many systems empty when they start; `path` has no links in it. */
export function isTemporary(path: string): boolean {
  const folder = join(tmpdir(), temporaryName)
  return existsSync(folder) && dirname(path) === realpathSync(folder)
}

/** The folder, if it is ours alone to write: where everybody may write, somebody else may have put it under our name. */
export function trusted(folder: string): string {
  const { uid, mode } = lstatSync(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new WritError('REFUSED', `${folder} belongs to another user or can be written by others; it is not used`, {
      hint: 'remove it, or set WRIT_DATABASE_URL',
    })
  }
  return folder
}

function isThere(folder: string): boolean {
  try {
    if (existsSync(folder)) accessSync(folder, constants.W_OK)
    else make(folder)
    return true
  } catch (error) {
    if (closed.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** ENOENT, too: so Node 20 says that a folder cannot be made on a disk that is read-only. */
const closed = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT'])

function make(folder: string): void {
  mkdirSync(folder, { recursive: true })
  // Whatever our umask says: the other user must get through.
  chmodSync(folder, 0o755)
}
