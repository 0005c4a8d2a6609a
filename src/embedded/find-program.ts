/** Choosing a server program: the places are tried in order, and when none serves, the error says all that was found and looked at. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { asUser, type OtherUser } from './other-user.ts'

/** A program that can be run: `file` is its absolute path. */
export interface Program {
  file: string
  version: string
  source: 'bundled' | 'system'
}

/** One place to look. `file` is undefined when there is nothing there; it is asked only when its turn comes. */
export interface Place {
  /** As people know it, for the error. */
  label: string
  source: Program['source']
  file: () => string | undefined
}

export interface Wanted {
  name: string
  /** The oldest version that serves, as `14` or `2.10`. */
  atLeast: string
  /** Only this major version serves, because data of it exists. */
  major?: string | undefined
  remedy: string
  user?: OtherUser | undefined
}

/** The first program that serves. Throws OLD_SERVER when only unsuitable versions were found, NO_SERVER when none was. */
export function findProgram(wanted: Wanted, places: readonly Place[]): Program {
  const found: string[] = []
  for (const place of places) {
    const file = place.file()
    if (file === undefined) continue
    const version = versionOf(file, wanted.user)
    if (version !== undefined && serves(version, wanted)) return { file, version, source: place.source }
    found.push(`${file}: ${version ?? 'does not run'}`)
  }
  throw refusal(wanted, places, found)
}

/** The version that a program prints about itself, or undefined when it does not run here (as `user`). */
export function versionOf(file: string, user?: OtherUser): string | undefined {
  const run = spawnSync(file, ['--version'], { encoding: 'utf8', cwd: '/', timeout: 10_000, ...asUser(user) })
  return run.status === 0 ? /\d+(?:\.\d+)*/.exec(run.stdout)?.[0] : undefined
}

/** The places of a command in the folders of a PATH. */
export function onPath(command: string, path: string | undefined): Place[] {
  const folders = (path ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...new Set(folders)].map((folder) => inFolder(folder, command))
}

/** The place of a command in one folder of the system. */
export function inFolder(folder: string, command: string): Place {
  const file = join(folder, command)
  return { label: file, source: 'system', file: () => (existsSync(file) ? file : undefined) }
}

function serves(version: string, { atLeast, major }: Wanted): boolean {
  return compareVersions(version, atLeast) >= 0 && (major === undefined || version.split('.')[0] === major)
}

/** Negative when `a` is older than `b`; parts that one of them lacks count as 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function refusal(wanted: Wanted, places: readonly Place[], found: readonly string[]): WritError {
  const { name, atLeast, major, remedy } = wanted
  const needed =
    major === undefined ? `${name} ${atLeast} or newer` : `${name} ${major} (its data here is of that version)`
  const onlyBroken = found.every((line) => line.endsWith('does not run'))
  if (found.length > 0 && !onlyBroken) {
    return new WritError('OLD_SERVER', `${needed} is needed; found ${found.join(', ')}`, { hint: remedy })
  }
  const looked = places.map((place) => place.label)
  const broken = found.length > 0 ? `; found but not usable: ${found.join(', ')}` : ''
  const message = `no ${name} found (needed: ${needed}); looked at: ${looked.join(', ')}${broken}`
  return new WritError('NO_SERVER', message, { hint: remedy })
}
