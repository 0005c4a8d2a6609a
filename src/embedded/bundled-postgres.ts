/**
 * Makes the bundled Postgres runnable. npm packages cannot hold symbolic links, so the package lists those that its
 * libraries need; its install script would make them, but none may be needed. Where they cannot be made, or the user
 * that Postgres runs as cannot reach the package (a checkout under a folder that only root can enter), a copy is made.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { versionOf } from './find-program.ts'
import type { OtherUser } from './other-user.ts'
import { sharedFolder, trusted } from './shared-folder.ts'

const linkList = z.array(z.object({ source: z.string(), target: z.string() }))
const manifest = z.object({ version: z.string() })

export interface BundledPostgres {
  /** The folder of the npm package. */
  packageFolder: string
  /** Where a copy may be made when we are not root. */
  programs: string
  user: OtherUser | undefined
  /** Makes one link; replaced in tests by one that is refused, as on a read-only disk. */
  link?: typeof symlinkSync
}

/** The path of a `postgres` that runs as `user`. */
export function bundledPostgres(options: BundledPostgres): string {
  const { packageFolder, user, link = symlinkSync } = options
  const inPlace = join(packageFolder, 'native', 'bin', 'postgres')
  const linked = makeLinks(packageFolder, link)
  // As ourselves, a copy would run no better than what is copied.
  if (linked && (user === undefined || versionOf(inPlace, user) !== undefined)) return inPlace
  return join(copyOf(options), 'native', 'bin', 'postgres')
}

/** Makes what is missing of the package's links; false when the disk does not let us. */
function makeLinks(folder: string, link: typeof symlinkSync): boolean {
  try {
    for (const { source, target } of linksOf(folder)) {
      const path = join(folder, target)
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) link(relative(dirname(target), source), path)
    }
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // EEXIST: another process is making them right now; look again.
    if (code === 'EEXIST') return makeLinks(folder, link)
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return false
    throw error
  }
}

function linksOf(folder: string): z.infer<typeof linkList> {
  const file = join(folder, 'native', 'pg-symlinks.json')
  return existsSync(file) ? linkList.parse(JSON.parse(readFileSync(file, 'utf8'))) : []
}

/** A copy that `user` can run, made once per version; it appears complete or not at all. */
function copyOf({ packageFolder, programs, user }: BundledPostgres): string {
  const { version } = manifest.parse(JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')))
  const name = `writ-${basename(packageFolder)}-postgres-${version}`
  const copy = join(user === undefined ? ownFolder(programs) : sharedFolder(user), name)
  if (existsSync(copy)) return trusted(copy)
  const making = `${copy}.${process.pid}.${randomBytes(4).toString('hex')}`
  const filter = (source: string): boolean => !source.endsWith('.a')
  cpSync(join(packageFolder, 'native'), join(making, 'native'), { recursive: true, verbatimSymlinks: true, filter })
  makeLinks(making, symlinkSync)
  openToAll(making)
  try {
    renameSync(making, copy)
  } catch (error) {
    // Another process has made it meanwhile.
    if (!existsSync(copy)) throw error
    rmSync(making, { recursive: true })
  }
  return trusted(copy)
}

function ownFolder(programs: string): string {
  mkdirSync(programs, { recursive: true, mode: 0o700 })
  return programs
}

/** Whatever modes the package was installed with: the programs and what they read are open to the user that runs them. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) openToAll(path)
    else if (entry.isFile()) chmodSync(path, lstatSync(path).mode & 0o100 ? 0o755 : 0o644)
  }
}
