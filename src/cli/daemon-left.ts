/** What daemons have left in a data folder: tasks of a killed `writ up --daemon` that run on, and their homes. */
import { join } from 'node:path'
import { endFormerIn, holdsHomes, livingIn } from '../daemon/former.ts'
import { removeFolder } from '../daemon/remove-folder.ts'
import { WritError } from '../protocol/errors.ts'
import { daemonsFolder, repositoriesFolder } from './own-folders.ts'

/** Whether a daemon has been here: one alone leaves nothing else in a data folder. */
export const hasHomes = ({ root }: { root: string }): boolean => holdsHomes(join(root, daemonsFolder))

/** Ends the tasks of daemons in this data folder that live no more. Answers the ids of their process groups, and of processes that left those. */
export const endTasksLeft = ({ root }: { root: string }, say: (line: string) => void): Promise<number[]> =>
  endFormerIn(join(root, daemonsFolder), say)

/** Removes the homes, and the example's repositories. Throws REFUSED while a daemon lives in one. */
export const removeOwn = async ({ root }: { root: string }): Promise<void> => {
  const [living] = livingIn(join(root, daemonsFolder))
  if (living !== undefined)
    throw new WritError('REFUSED', `the daemon of ${living.home} still runs (process ${living.pid})`, {
      hint: 'stop it, and say this again',
    })
  for (const own of [daemonsFolder, repositoriesFolder]) await removeFolder(join(root, own))
}
