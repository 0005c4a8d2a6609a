/** What the command line itself keeps in a data folder, beside the servers: local daemons, and the example's repositories. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

export const daemonsFolder = 'daemons'
export const repositoriesFolder = 'repositories'

/** Removes them; nothing may run there any more. */
export const removeOwn = async ({ root }: { root: string }): Promise<void> => {
  for (const own of [daemonsFolder, repositoriesFolder]) await rm(join(root, own), { recursive: true, force: true })
}
