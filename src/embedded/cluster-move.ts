/**
 * A folder that was copied or put back may hold its cluster itself, where the user that Postgres runs as when we are root
 * cannot get to it, or cannot read it: then it is moved to where a new one would have been made, and given to that user.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { WritError } from '../protocol/errors.ts'
import type { Folders } from './folders.ts'
import { canEnter, type OtherUser } from './other-user.ts'
import { forgetOwner, isOurs, setOwner } from './place-owner.ts'
import { startingPostgres } from './postgres-record.ts'
import { sharedFolder } from './shared-folder.ts'

/** So begins the name of a cluster that is not whole, or not any more. */
export const makingPrefix = 'cluster.making'

/** There as long as a cluster is being moved: a link to where it goes. */
export const movingLink = (postgres: string): string => `${postgres}.moving`

/** Lets `user` get to the place in the data folder, or makes a link of it to one where that user can. */
export async function makeReachable(folders: Folders, user: OtherUser, log: (line: string) => void): Promise<void> {
  const { root, postgres } = folders
  if (canEnter(postgres, user) || !mayTouch(postgres)) return
  if (canEnter(dirname(root), user)) return letThrough(folders)
  if (!existsSync(join(postgres, 'cluster'))) {
    clearAway(postgres, log)
    return symlinkSync(placeElsewhere(root, user), postgres)
  }
  const place = placeElsewhere(root, user)
  log(`the user ${user.name}, as whom Postgres runs, cannot enter ${root}: moving the database to ${place}`)
  symlinkSync(place, movingLink(postgres))
  await finishMove(postgres, log)
}

/** Whether a move was begun to a place that is gone, or another's, and its cluster is still here: nothing has gone there. */
export function isMoveLost({ root, postgres }: Folders): boolean {
  const moving = movingLink(postgres)
  if (lstatSync(moving, { throwIfNoEntry: false }) === undefined || !existsSync(join(postgres, 'cluster'))) return false
  return !existsSync(moving) || !isOurs(realpathSync(moving), root)
}

/** Goes on with a move that was begun, also by one that was killed. Each step of it may have been the last. */
export async function finishMove(postgres: string, log: (line: string) => void): Promise<void> {
  const moving = movingLink(postgres)
  if (lstatSync(moving, { throwIfNoEntry: false }) === undefined) return
  const [from, to] = [join(postgres, 'cluster'), join(realpathSync(moving), 'cluster')]
  if (!existsSync(to)) await move(from, to)
  if (existsSync(postgres)) clearAway(postgres, log)
  renameSync(moving, postgres)
}

/** What lies there is not known to be ours, a cluster neither: somebody may have put it there since. It is kept under another name. */
function clearAway(postgres: string, log: (line: string) => void): void {
  forgetOwner(postgres)
  removeMakings(postgres)
  if (readdirSync(postgres).length === 0) return rmdirSync(postgres)
  const kept = `${postgres}.before-${randomBytes(4).toString('hex')}`
  renameSync(postgres, kept)
  log(`what is not of this database is kept in ${kept}`)
}

/** A copy that was made without the owners is root's; so is one whose user had another number on another machine. */
export async function takeOver(place: string, user: OtherUser): Promise<void> {
  const cluster = join(place, 'cluster')
  if (!existsSync(cluster) || statSync(cluster).uid === user.uid || !mayTouch(place)) return
  await run('chown', ['-Rh', `${user.uid}:${user.gid}`, cluster])
}

/** A new place outside of the data folder, which says that it is for this one. */
export function placeElsewhere(root: string, user: OtherUser): string {
  const place = mkdtempSync(join(sharedFolder(user), 'postgres-'))
  chmodSync(place, 0o711)
  setOwner(place, root)
  return place
}

/** To pass through, not to list; every file beside the cluster stays closed by its own mode. */
export function letThrough({ root, postgres }: Folders): void {
  for (const folder of [root, postgres]) chmodSync(folder, 0o711)
}

/** A name for a cluster that is being made, after what came of earlier ones is cleared away. */
export function newMaking(place: string): string {
  removeMakings(place)
  // A new name each time: after a kill, an initdb of before may still be at work for a moment.
  return join(place, `${makingPrefix}-${process.pid}-${randomBytes(4).toString('hex')}`)
}

function removeMakings(place: string): void {
  for (const name of readdirSync(place).filter((entry) => entry.startsWith(makingPrefix))) {
    try {
      rmSync(join(place, name), { recursive: true, force: true, maxRetries: 10 })
    } catch {
      // A cp that a kill has left writes on in there: it is left to the next start.
    }
  }
}

/** Not what is an ordinary user's, who would not get it back, and not under a server. */
function mayTouch(place: string): boolean {
  return (
    statSync(place).uid === process.getuid?.() && startingPostgres(join(realpathSync(place), 'cluster')) === undefined
  )
}

async function move(from: string, to: string): Promise<void> {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await copyOver(from, to)
  }
}

/** To another disk. Whatever has the name of a cluster is whole, also after a loss of power: the original until it loses that name. */
async function copyOver(from: string, to: string): Promise<void> {
  const making = newMaking(dirname(to))
  await run('cp', ['-a', from, making])
  await run('sync', [])
  renameSync(making, to)
  await run('sync', [])
  renameSync(from, newMaking(dirname(from)))
  removeMakings(dirname(from))
}

async function run(command: string, args: string[]): Promise<void> {
  try {
    await promisify(execFile)(command, args, { cwd: '/' })
  } catch (cause) {
    const text = String((cause as { stderr?: unknown }).stderr ?? cause).trim()
    throw new WritError('REFUSED', `the database cannot be made Postgres's own: ${text}`, { cause })
  }
}
