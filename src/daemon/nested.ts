/**
 * Repositories inside of a task's checkout. In the place of one that the task has made git would commit a link, to a commit that
 * is nowhere else: those are made plain folders, so that their files are committed. Submodules stay links.
 */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Clone } from './clone.ts'
import { removeFolder } from './remove-folder.ts'

interface Here {
  gitDir: string
  workTree: string
}

/** How many paths are given to one git. */
const pathsAtOnce = 100

/** Links that were there in the commit `start` stay. Throws REFUSED for files in one of them that git would leave out. */
export const openNested = async ({ git }: Clone, here: Here, start: string): Promise<void> => {
  const links = await newLinks(git, here, start)
  for (let from = 0; from < links.length; from += pathsAtOnce)
    await git(['update-index', '--force-remove', '--', ...links.slice(from, from + pathsAtOnce)], here)
  // Inside of one that was opened others may come to light.
  while ((await openFound(git, here)) > 0);
  await refuseFilesInLinks(git, here)
}

/** After all was added: a link that has come to be there, to a repository whose name could not be read. Throws REFUSED. */
export const refuseNewLinks = async ({ git }: Clone, here: Here, start: string): Promise<void> => {
  const [link] = await newLinks(git, here, start)
  if (link === undefined) return
  throw new WritError('REFUSED', `the repository ${JSON.stringify(link)} inside of the workspace cannot be committed`, {
    hint: 'give its folder a name in UTF-8, or take its .git away',
  })
}

/** A submodule that nobody has checked out is an empty folder: to git, whatever comes to lie there is none of its work. */
const refuseFilesInLinks = async (git: Clone['git'], here: Here): Promise<void> => {
  const links: string[] = []
  const take = entries((entry) => {
    if (entry.startsWith('160000 ')) links.push(entry.slice(entry.indexOf('\t') + 1))
  })
  await git(['ls-files', '-z', '--stage'], { ...here, take })
  for (const link of links) {
    const names = await readdir(join(here.workTree, link)).catch((): string[] => [])
    if (names.length === 0 || names.includes('.git')) continue
    throw new WritError('REFUSED', `the files in ${JSON.stringify(link)} cannot be committed: it is a submodule`, {
      hint: 'put them elsewhere, or take the submodule away with "git rm" before',
    })
  }
}

const newLinks = async (git: Clone['git'], here: Here, start: string): Promise<string[]> => {
  const links: string[] = []
  let isLink = false
  const take = entries((entry) => {
    // An entry is followed by its path.
    if (isLink) links.push(entry)
    isLink = /^:(?!160000)\d+ 160000 /.test(entry)
  })
  const options = ['--cached', '--raw', '-z', '--no-renames', '--ignore-submodules=none', '--diff-filter=AT']
  await git(['diff-index', ...options, start], { ...here, take })
  return links
}

/** Opens what git says is a repository of its own: it is listed as a folder. Returns how many there were. */
const openFound = async (git: Clone['git'], here: Here): Promise<number> => {
  const folders: string[] = []
  const take = entries((entry) => {
    if (entry.endsWith('/')) folders.push(join(here.workTree, entry, '.git'))
  })
  await git(['ls-files', '-z', '--others', '--exclude-standard'], { ...here, take })
  let opened = 0
  for (const path of folders) {
    if ((await lstat(path).catch(() => null)) === null) continue
    await removeFolder(path)
    opened++
  }
  return opened
}

/** Cuts what git writes with `-z` into its entries. */
const entries = (take: (entry: string) => void): ((text: string) => void) => {
  let rest = ''
  return (text) => {
    const found = (rest + text).split('\0')
    rest = found.pop() ?? ''
    for (const entry of found) take(entry)
  }
}
