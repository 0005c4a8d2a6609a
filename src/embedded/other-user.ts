/**
 * Postgres refuses to run as root. When we are root, it runs as another user of this system; everyone else runs it as
 * themselves. initdb looks its user up by name, so a bare number without an entry does not do.
 */
import { spawnSync } from 'node:child_process'
import { WritError } from '../protocol/errors.ts'

export interface OtherUser {
  name: string
  uid: number
  gid: number
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
