/** The configuration files: the nearest one of the project, and the user's. Both are YAML or JSON under one schema. */
import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Environment } from './config.ts'

const projectNames = ['writ.yaml', 'writ.yml', 'writ.json']
const userNames = ['config.yaml', 'config.yml', 'config.json']

/** The files that are there, the project's first. Throws REFUSED for a project file that somebody else has put there. */
export const configFiles = (cwd: string, env: Environment): string[] => {
  const project = [...foldersUp(cwd)].map((folder) => fileIn(folder, projectNames)).find((file) => file !== undefined)
  if (project !== undefined) refuseForeign(project, cwd)
  const user = fileIn(userFolder(env), userNames)
  return [project, user].filter((file) => file !== undefined)
}

function* foldersUp(from: string): Generator<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    yield folder
    if (folder === dirname(folder)) return
  }
}

const fileIn = (folder: string, names: readonly string[]): string | undefined =>
  names.map((name) => join(folder, name)).find((file) => existsSync(file))

/** Where the user's file is looked for. A relative path in XDG_CONFIG_HOME is to be ignored, as its specification says. */
export const userFolder = (env: Environment): string => {
  const xdg = env['XDG_CONFIG_HOME'] ?? ''
  return join(isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.config'), 'writ')
}

/** A file above the working directory says which programs run and which servers are trusted: in /tmp anybody may write one. */
const refuseForeign = (file: string, cwd: string): void => {
  const owner = statSync(file).uid
  if ([0, process.getuid?.() ?? owner, statSync(cwd).uid].includes(owner)) return
  throw new WritError('REFUSED', `the configuration file ${file} belongs to another user`, {
    hint: 'make it yours, or work in a folder that is not below it',
  })
}
