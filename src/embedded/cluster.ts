/** The private Postgres cluster on disk: how it is first made, in its place (cluster-place.ts). */
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { newMaking } from './cluster-move.ts'
import { asUser, type OtherUser } from './other-user.ts'
import { writePrivately } from './private-file.ts'
import { runApart } from './run-apart.ts'

export const superuser = 'writ'

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
  const making = newMaking(dirname(cluster))
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
