/**
 * Where a cluster lies: in `postgres` in the data folder, or in the folder that this is a link to. Postgres runs as another user
 * when we are root; then every folder above the cluster must be one that this user can enter.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { word } from '../protocol/shell-words.ts'
import {
  finishMove,
  isMoveLost,
  letThrough,
  makeReachable,
  makingPrefix,
  movingLink,
  placeElsewhere,
  takeOver,
} from './cluster-move.ts'
import type { Folders } from './folders.ts'
import { canEnter, type OtherUser } from './other-user.ts'
import { claimPlace, isOurs, recordOf, refuseAnothers, refuseRemoval } from './place-owner.ts'
import { isTemporary } from './shared-folder.ts'

/**
 * The cluster's folder, in a place that `user` can enter; it may not exist yet. Throws REFUSED for a link to the database of
 * another data folder, or to nothing.
 */
export async function clusterFolder(
  folders: Folders,
  user: OtherUser | undefined,
  log: (line: string) => void,
): Promise<string> {
  const { root, postgres } = folders
  if (isMoveLost(folders)) rmSync(movingLink(postgres))
  for (const place of linkedPlaces(folders)) claimPlace(place, root, log)
  await finishMove(postgres, log)
  if (kind(postgres) === 'nothing') makePlace(folders, user)
  else if (user !== undefined && kind(postgres) !== 'link') await makeReachable(folders, user, log)
  const place = realpathSync(postgres)
  if (temporaryPlace(folders) !== undefined) log(`the database of ${root} ${temporaryText(place)} (docs/backup.md)`)
  if (user !== undefined) await takeOver(place, user)
  return join(place, 'cluster')
}

/** The cluster's folder when it was made, and belongs to this data folder; makes nothing. */
export function existingCluster({ root, postgres }: Folders): string | undefined {
  if (!existsSync(postgres)) return undefined
  const place = realpathSync(postgres)
  if (kind(postgres) === 'link' && !isOurs(place, root)) return undefined
  const cluster = join(place, 'cluster')
  return existsSync(cluster) ? cluster : undefined
}

/** Where the database lies that may be gone after a restart of the machine. */
export function temporaryPlace({ postgres }: Folders): string | undefined {
  // A folder of a person's may have that name as well: only a link leads to where root made one.
  if (kind(postgres) !== 'link' || !existsSync(postgres)) return undefined
  const place = realpathSync(postgres)
  return isTemporary(place) ? place : undefined
}

/** What people are told of it. */
export const temporaryText = (place: string): string =>
  `lies in ${place}, since root could not write /var/lib/writ: it may be gone after a restart of this machine`

/** Links in the data folder, and where they lead: of that only what is ours is to be removed. */
interface Removable {
  places: string[]
  links: string[]
}

/** What is to be removed with the data folder besides what lies in it. Throws REFUSED when some of it belongs to another one. */
export function removablePlaces(folders: Folders): Removable {
  const links = linksOf(folders)
  const places = links.filter((link) => existsSync(link)).map((link) => realpathSync(link))
  for (const place of places) refuseRemoval(place, folders.root)
  return { places, links }
}

/** What is ours in a place, which may be a person's folder with other things in it. The record is the last: without it a removal that was killed could not go on. */
export function oursIn(place: string): string[] {
  const databases = readdirSync(place).filter((name) => name === 'cluster' || name.startsWith(makingPrefix))
  return [...databases.map((name) => join(place, name)), recordOf(place)]
}

/** Throws REFUSED when the link to the database leads nowhere, or to that of another data folder. */
export function refuseForeignPlace(folders: Folders): void {
  for (const place of linkedPlaces(folders)) refuseAnothers(place, realpathSync(folders.root))
}

/**
 * `postgres` in the data folder, or, when the other user cannot get there (root's home is closed to all others), a link
 * to a new folder elsewhere. The link is the record of it: a data folder that was removed never meets its old cluster.
 */
function makePlace(folders: Folders, user: OtherUser | undefined): void {
  const { root, postgres } = folders
  if (user !== undefined && !canEnter(dirname(root), user)) return symlinkSync(placeElsewhere(root, user), postgres)
  mkdirSync(postgres, { mode: 0o700 })
  if (user !== undefined) letThrough(folders)
}

function linkedPlaces(folders: Folders): string[] {
  const links = linksOf(folders).filter((link) => link === folders.postgres || !isMoveLost(folders))
  return links.map((link) => {
    if (existsSync(link)) return realpathSync(link)
    throw new WritError(
      'REFUSED',
      `${link} is a link to ${readlinkSync(link)}, where nothing is: the database is gone`,
      {
        hint:
          'is that disk mounted? A copy of a data folder holds a database only if it was made as docs/backup.md says; ' +
          `rm ${word(link)} begins with an empty one`,
      },
    )
  })
}

const linksOf = ({ postgres }: Folders): string[] =>
  [postgres, movingLink(postgres)].filter((path) => kind(path) === 'link')

function kind(path: string): 'nothing' | 'link' | 'folder' {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return 'nothing'
  return entry.isSymbolicLink() ? 'link' : 'folder'
}
