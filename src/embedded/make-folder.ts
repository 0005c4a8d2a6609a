/** Makes folders one by one: a recursive `mkdirSync` of Node 20 never ends where none can be made, as below /proc. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { WritError } from '../protocol/errors.ts'

/**
 * Makes a folder where it is missing, with those above it, for the user alone; `tell` hears of each that was not there,
 * outermost first. Throws REFUSED where none can be made, and the system's error for what is in the way.
 */
export function makeFolder(folder: string, tell: (made: string) => void = () => undefined): void {
  if (isFolder(folder)) return
  makeFolder(dirname(folder), tell)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process was quicker.
    if (isFolder(folder)) return
    refuseLostLink(folder)
    throw nothingThere(error) ? unmakeable(folder, error) : error
  }
  tell(folder)
}

/** Throws REFUSED when this place, or the nearest above it that is there, is a link that leads nowhere. */
export function refuseLostLink(path: string): void {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return refuseLostLink(dirname(path))
  if (!entry.isSymbolicLink() || existsSync(path)) return
  const target = readlinkSync(path)
  throw new WritError('REFUSED', `${path} is a link to ${target}, where nothing is`, {
    hint: 'is that disk mounted? Mend the link, or name another folder with --data-dir or WRIT_HOME',
  })
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Of a folder that is there: its file system makes none. */
const nothingThere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

const unmakeable = (folder: string, cause: unknown): WritError =>
  new WritError('REFUSED', `the folder ${folder} cannot be made: ${dirname(folder)} takes no new ones`, {
    hint: 'name a folder on a disk with --data-dir or WRIT_HOME',
    cause,
  })
