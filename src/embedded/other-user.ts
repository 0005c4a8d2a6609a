/**
 * Postgres refuses to run as root. When we are root, it runs as another user of this system; everyone else runs it as
 * themselves. initdb looks its user up by name, so a bare number without an entry does not do.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lchownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { word } from '../protocol/shell-words.ts'
import type { Folders } from './folders.ts'

interface Ids {
  uid: number
  gid: number
}

export interface OtherUser extends Ids {
  name: string
}

const usual = ['postgres', 'nobody', 'daemon', 'bin'] as const

/** The user that Postgres is to run as, or undefined when we are not root. Throws NO_SERVER when root has nobody to turn to. */
export function otherUser(): OtherUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of usual) {
    const [uid, gid] = [askId('-u', name), askId('-g', name)]
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid }
  }
  throw new WritError(
    'NO_SERVER',
    `Postgres does not run as root, and none of the users ${usual.join(', ')} exists here`,
    {
      hint: 'start writ as an ordinary user, add a user named postgres, or set WRIT_DATABASE_URL',
    },
  )
}

/** Whether `user` can enter this folder: asked of the system itself, so that every rule it has counts. */
export function canEnter(folder: string, user: OtherUser): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...asUser(user), cwd: '/', stdio: 'ignore' })
  return probe.status === 0
}

/** The options that make `spawn` run as `user`, or as ourselves. */
export function asUser(user: OtherUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid }
}

function askId(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return status === 0 && /^\d+\s*$/.test(stdout) ? Number(stdout) : undefined
}

/** By which a disk, or a container, says that it does not know whose something is. */
const unknownUid = 65_534

/**
 * The ordinary user who began with a data folder, when we are root: by its `run`, or by what daemons had made before. Where nobody
 * has, it is root's from then on, whosever the folder is that it was given: in a container that is often somebody's of the host.
 */
export function beganBy({ root, run }: Pick<Folders, 'root' | 'run'>): Ids | undefined {
  if (process.getuid?.() !== 0) return undefined
  const first = [run, join(root, 'daemons')].find((folder) => existsSync(folder))
  if (first === undefined) return undefined
  const { uid, gid } = statSync(first)
  return uid === 0 || uid === unknownUid ? undefined : { uid, gid }
}

/** A folder that we have just made is theirs: root's would be closed to them. */
export function giveTo({ uid, gid }: Ids, made: string): void {
  try {
    // Not what a link leads to: whose folder it is in may have put one there by now.
    lchownSync(made, uid, gid)
  } catch {
    // A disk that knows no owners.
  }
}

/**
 * Throws REFUSED when root is to start on the data folder of an ordinary user: what servers and tasks write there would be
 * closed to that one, and the database belong to whom Postgres runs as.
 */
export function refuseFolderOfAnother(folders: Folders): void {
  const began = beganBy(folders)
  if (began === undefined) return
  const { status, stdout } = spawnSync('id', ['-un', String(began.uid)], { encoding: 'utf8' })
  const name = status === 0 ? stdout.trim() : `#${began.uid}`
  throw new WritError(
    'REFUSED',
    `the data folder ${folders.root} belongs to the user ${name}, whom root would lock out of it`,
    {
      hint: `start it as that user, by sudo -u ${word(name)} or the user of a container, or name another folder with --data-dir`,
    },
  )
}
