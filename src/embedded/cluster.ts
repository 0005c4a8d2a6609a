/**
 * The private Postgres cluster on disk: where it lies and how it is first made. Postgres runs as another user when we
 * are root; then every folder above the cluster must be one that this user can enter.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Folders } from './folders.ts'
import { asUser, canEnter, type OtherUser } from './other-user.ts'
import { writePrivately } from './private-file.ts'
import { runApart } from './run-apart.ts'
import { sharedFolder } from './shared-folder.ts'

export const superuser = 'writ'

/** The cluster's folder; it may not exist yet. */
export function clusterFolder(folders: Folders, user: OtherUser | undefined): string {
  if (lstatSync(folders.postgres, { throwIfNoEntry: false }) === undefined) makePlace(folders, user)
  return join(realpathSync(folders.postgres), 'cluster')
}

/** The cluster's folder when it was made, or undefined; makes nothing. */
export function existingCluster(folders: Folders): string | undefined {
  if (!existsSync(folders.postgres)) return undefined
  const cluster = join(realpathSync(folders.postgres), 'cluster')
  return existsSync(cluster) ? cluster : undefined
}

/**
 * `postgres` in the data folder, or, when the other user cannot get there (root's home is closed to all others), a link
 * to a new folder elsewhere. The link is the record of it: a data folder that was removed never meets its old cluster.
 */
function makePlace({ root, postgres }: Folders, user: OtherUser | undefined): void {
  if (user === undefined) return mkdirSync(postgres, { mode: 0o700 })
  if (!canEnter(dirname(realpathSync(root)), user)) {
    const elsewhere = mkdtempSync(join(sharedFolder(user), 'postgres-'))
    chmodSync(elsewhere, 0o711)
    return symlinkSync(elsewhere, postgres)
  }
  mkdirSync(postgres, { mode: 0o700 })
  // To pass through, not to list; every file beside the cluster stays closed by its own mode.
  for (const folder of [root, postgres]) chmodSync(folder, 0o711)
}

/** The major version of the cluster that exists, or undefined when there is none. */
export function clusterMajor(cluster: string): string | undefined {
  return existsSync(cluster) ? readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim() : undefined
}

/** Makes the cluster, whole or not at all: a kill in the middle leaves only what the next start clears away. Throws the reason of `stopping`. */
export async function makeCluster(options: {
  cluster: string
  /** The folder of the Postgres programs. */
  bin: string
  user: OtherUser | undefined
  password: string
  durable: boolean
  /** When aborted, nothing is made any more. */
  stopping: AbortSignal | undefined
}): Promise<void> {
  const { cluster, bin, user, password, durable, stopping } = options
  const place = dirname(cluster)
  // A new name each time: after a kill, an initdb of before may still be at work for a moment.
  const making = `${cluster}.making-${process.pid}-${randomBytes(4).toString('hex')}`
  for (const name of readdirSync(place).filter((entry) => entry.startsWith('cluster.making'))) {
    rmSync(join(place, name), { recursive: true, force: true, maxRetries: 10 })
  }
  const passwordFile = `${making}-password`
  writePrivately(passwordFile, `${password}\n`)
  mkdirSync(making, { mode: 0o700 })
  if (user !== undefined) for (const path of [passwordFile, making]) chownSync(path, user.uid, user.gid)
  try {
    const args = [`--pgdata=${making}`, `--pwfile=${passwordFile}`, ...(durable ? [] : ['--no-sync'])]
    await initdb({ bin, user, stopping, args })
    renameSync(making, cluster)
  } finally {
    for (const path of [passwordFile, making]) rmSync(path, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function initdb({
  bin,
  user,
  stopping,
  args,
}: {
  bin: string
  user: OtherUser | undefined
  stopping: AbortSignal | undefined
  args: string[]
}): Promise<void> {
  const fixed = ['--auth=scram-sha-256', `--username=${superuser}`, '--encoding=UTF8', '--locale=C', '--data-checksums']
  const env = { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`, LC_ALL: 'C', TZ: 'UTC' }
  try {
    await runApart(join(bin, 'initdb'), [...fixed, ...args], { env, stopping, ...asUser(user) })
  } catch (cause) {
    stopping?.throwIfAborted()
    const text = String((cause as { stderr?: unknown }).stderr ?? cause).trim()
    throw new WritError('UNREACHABLE', `the Postgres data folder could not be made; initdb says:\n  ${text}`, { cause })
  }
}
