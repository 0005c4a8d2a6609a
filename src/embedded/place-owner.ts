/**
 * Whose a cluster is that lies outside of its data folder. The link to it is copied as it is, so a copy of the folder leads to
 * the database of the original: beside the cluster is written down which folder it belongs to.
 */
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { word } from '../protocol/shell-words.ts'
import { folderId, idOf, isFor } from './folder-id.ts'
import { startingPostgres } from './postgres-record.ts'
import { createPrivately, readIfThere, writePrivately } from './private-file.ts'

const schema = folderId.extend({ folder: z.string() })
type Owner = z.infer<typeof schema>

/**
 * `ours`; `moved`: ours, under another name; `unclaimed`: nobody has said yet whose; `replaced`: of the folder that had our name
 * before us; `another's`: of one that is not us.
 */
type Whose = 'ours' | 'moved' | 'unclaimed' | 'replaced' | "another's"

/** Whether nothing speaks against the folder `root` being the one that this place belongs to. */
export function isOurs(place: string, root: string): boolean {
  return ['ours', 'moved', 'unclaimed'].includes(whose(place, root))
}

/** Says of a new place whose it is. */
export function setOwner(place: string, root: string): void {
  writePrivately(recordOf(place), JSON.stringify(ownerAt(root)))
}

/** What a copy of a place says of its original. */
export function forgetOwner(place: string): void {
  rmSync(recordOf(place), { force: true })
}

/** Makes sure that the place belongs to `root`, and says so there from now on. Throws REFUSED when it is another's. */
export function claimPlace(place: string, root: string, log: (line: string) => void): void {
  const found = whose(place, root)
  if (found === 'ours') return
  refuseAnothers(place, root)
  if (found !== 'moved') refuseServed(place, root)
  if (found === 'replaced') log(replacedText(place, root))
  if (found !== 'unclaimed') return setOwner(place, root)
  // Somebody else may say so at this moment.
  if (!createPrivately(recordOf(place), JSON.stringify(ownerAt(root)))) claimPlace(place, root, log)
}

/** Throws REFUSED when the place belongs to another folder than `root`. */
export function refuseAnothers(place: string, root: string): void {
  if (whose(place, root) === "another's") throw notOurs(place, root, copyHint(place, root))
}

/** Throws REFUSED unless the database in this place may go with `root`: what is removed does not come back, so a doubt is enough. */
export function refuseRemoval(place: string, root: string): void {
  const found = whose(place, root)
  if (found === 'ours' || found === 'moved') return
  if (found === 'unclaimed') return refuseUnclaimed(place)
  const hint = `nothing was removed; rm -r ${word(root)} removes this folder alone`
  // Without any record the database would be nobody's, and be kept again; a start goes on with one of before, and says so there.
  const remedy = found === 'replaced' ? 'start it once with writ up, and then wipe it' : adoptHint(place)
  throw notOurs(place, root, `${hint}; if it is to have that database, ${remedy}`)
}

function whose(place: string, root: string): Whose {
  const owner = ownerOf(place)
  if (owner === undefined) return 'unclaimed'
  const isSame = isFor(owner, root)
  if (owner.folder === root) return isSame ? 'ours' : 'replaced'
  // A folder that was moved to another disk is a new one there, which nothing tells from a copy.
  return isSame ? 'moved' : "another's"
}

/** A server that runs on it was started for a folder that we may not be. */
function refuseServed(place: string, root: string): void {
  const running = startingPostgres(join(place, 'cluster'))
  if (running === undefined) return
  throw new WritError(
    'REFUSED',
    `process ${running.pid} runs on the database in ${place}, and nothing says that it is for ${root}`,
    {
      hint: `stop it with writ down and the --data-dir that it was started for, or end process ${running.pid}; then start again`,
    },
  )
}

/** Where no database is there is nothing to lose. */
function refuseUnclaimed(place: string): void {
  if (!existsSync(join(place, 'cluster'))) return
  throw new WritError('REFUSED', `nothing says which data folder the database in ${place} belongs to`, {
    hint: 'nothing was removed; start the folder that it is for once with writ up, which writes that down beside it',
  })
}

function notOurs(place: string, root: string, hint: string): WritError {
  const { folder = root } = ownerOf(place) ?? {}
  const whom = folder === root ? 'the folder that was here before' : `the data folder ${folder}`
  return new WritError('REFUSED', `the database in ${place} belongs to ${whom}: ${root} holds only a link to it`, {
    hint,
  })
}

function copyHint(place: string, root: string): string {
  const { folder = root } = ownerOf(place) ?? {}
  const [from, to] = [folder, root].map((each) => word(join(each, 'postgres')))
  if (leadsTo(folder, place)) {
    return `a copy gets the database by this, while nothing runs on ${folder}: rm ${to} && cp -aL ${from} ${to}`
  }
  return `${folder} is there no more, or has another database; if ${root} is to have this one, ${adoptHint(place)}`
}

const adoptHint = (place: string): string => `remove ${word(recordOf(place))} first`

function replacedText(place: string, root: string): string {
  return `${root} was put in the place of another: it goes on with the database in ${place}, of which a copy of the folder holds nothing (docs/backup.md)`
}

function leadsTo(folder: string, place: string): boolean {
  try {
    return realpathSync(join(folder, 'postgres')) === place
  } catch {
    return false
  }
}

function ownerOf(place: string): Owner | undefined {
  const text = readIfThere(recordOf(place))
  return text === undefined ? undefined : schema.parse(JSON.parse(text))
}

const ownerAt = (root: string): Owner => ({ folder: root, ...idOf(root) })

/** The file beside a cluster that says whose it is. */
export const recordOf = (place: string): string => join(place, 'data-folder.json')
