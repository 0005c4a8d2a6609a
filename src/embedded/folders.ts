/** Where an embedded instance keeps everything of its own: databases, logs, secrets, records of what runs. */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { makeFolder, refuseLostLink } from './make-folder.ts'
import { beganBy, giveTo, refuseFolderOfAnother } from './other-user.ts'

/** Absolute paths. `root` is the data folder that people are shown; the others lie in it. */
export interface Folders {
  root: string
  /** Holds the Postgres cluster, or is a link to where it is (see cluster-place.ts). */
  postgres: string
  nats: string
  /** Records of what runs: lock, endpoints, pid files, generated configuration. */
  run: string
  logs: string
  secrets: string
  /** Copies of bundled programs, made only when they cannot run where they were installed. */
  programs: string
}

export interface FolderChoice {
  /** From a flag; relative to the working directory. */
  dataDir?: string | undefined
  /** Keeps instances of one user apart; `default` when unset. */
  instance?: string | undefined
  env: Readonly<Record<string, string | undefined>>
}

/**
 * Where the data folder is: the flag, else `WRIT_HOME`, else `$XDG_DATA_HOME` or `~/.local/share` followed by
 * `writ/<instance>`. Makes nothing. Throws BAD_INPUT for a bad instance name.
 */
export function locateFolder({ dataDir, instance = 'default', env }: FolderChoice): Folders {
  return foldersIn(chooseRoot(dataDir, instance, env))
}

/**
 * The same as it is found, for those that only look. Makes nothing. Throws REFUSED for a link that leads nowhere, and the
 * system's error when it is no folder, or not to be looked into.
 */
export function foundFolder(choice: FolderChoice): Folders {
  const { root } = locateFolder(choice)
  refuseLostLink(root)
  if (!existsSync(root)) return foldersIn(root)
  readdirSync(root)
  return foldersIn(realpathSync(root))
}

/** The same, made where it is missing, for the user alone; `tell` hears of each folder that was. Throws as `makeFolder` does. */
export function dataFolder(choice: FolderChoice, tell?: (made: string) => void): Folders {
  const { root } = locateFolder(choice)
  makeFolder(root, tell)
  // Processes are recognised by paths on their command lines: whichever way people came here, these are the same.
  const folders = foldersIn(realpathSync(root))
  // Before there is anything of ours to tell by.
  const began = beganBy(folders)
  const made = (folder: string): void => {
    if (began !== undefined) giveTo(began, folder)
    tell?.(folder)
  }
  for (const folder of [folders.nats, folders.run, folders.logs, folders.secrets]) makeFolder(folder, made)
  return folders
}

/** The same for who starts servers on it. Throws REFUSED to root for one of an ordinary user, and makes nothing there. */
export function folderToServe(choice: FolderChoice): Folders {
  refuseFolderOfAnother(locateFolder(choice))
  return dataFolder(choice)
}

/**
 * Whether Writ keeps something here. Its folders have usual names, so in a place that was named by mistake somebody else's may
 * be called like one of them; not like all, and none of them holds a lock. Throws the system's error when it is no folder, or not to be looked into.
 */
export function isDataFolder({ root, nats, run, secrets }: Folders): boolean {
  if (!existsSync(root) || readdirSync(root).length === 0) return false
  if ([nats, run, secrets].every((folder) => existsSync(folder))) return true
  return existsSync(run) && readdirSync(run).some((name) => /^lock\.\d+$/.test(name))
}

function foldersIn(root: string): Folders {
  return {
    root,
    postgres: join(root, 'postgres'),
    nats: join(root, 'nats'),
    run: join(root, 'run'),
    logs: join(root, 'logs'),
    secrets: join(root, 'secrets'),
    programs: join(root, 'programs'),
  }
}

function chooseRoot(dataDir: string | undefined, instance: string, env: FolderChoice['env']): string {
  const explicit = dataDir ?? nonEmpty(env['WRIT_HOME'])
  if (explicit !== undefined) return resolve(explicit)
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(instance)) {
    throw new WritError('BAD_INPUT', `the instance name ${JSON.stringify(instance)} is not usable as a folder`, {
      hint: 'use 1 to 64 letters, digits, "-" and "_"',
    })
  }
  const xdg = nonEmpty(env['XDG_DATA_HOME'])
  // The XDG specification says that a relative path here is to be ignored.
  const share = xdg !== undefined && isAbsolute(xdg) ? xdg : join(nonEmpty(env['HOME']) ?? homedir(), '.local', 'share')
  return join(share, 'writ', instance)
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
