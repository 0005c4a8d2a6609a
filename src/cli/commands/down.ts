/** `writ down`: stops what runs on a data folder, also what a crash left there, and on request removes the folder. */
import { WritError } from '../../protocol/errors.ts'
import { confirmed } from '../confirm.ts'
import { refuseInsideTask } from '../inside-task.ts'
import { examples, type Declare } from '../program.ts'
import type { Terminal } from '../terminal.ts'

export const down: Declare = (command, context) => {
  command
    .option('--wipe', 'also remove the data folder: every directive, every record')
    .option('--yes', 'do not ask before removing')
    .action(async ({ wipe = false, yes = false }: { wipe?: boolean; yes?: boolean }) => {
      const { terminal, settings, json, world, flagsText } = context()
      const { dataFolder, isDataFolder, locateFolder } = await import('../../embedded/folders.ts')
      const { removablePlaces } = await import('../../embedded/cluster-place.ts')
      const { leftByAnother, stopAll, wipe: remove } = await import('../../embedded/down.ts')
      const { endTasksLeft, hasHomes, removeOwn } = await import('../daemon-left.ts')
      const read = settings()
      refuseInsideTask(read)
      const { dataDir, env } = read
      const located = locateFolder({ dataDir, env })
      if (wipe && !yes && !(await confirmed(world, `Remove ${located.root} with everything in it?`))) {
        throw new WritError('REFUSED', 'nothing was removed, and nothing stopped', {
          hint: 'say --yes to remove without being asked',
        })
      }
      if (!isDataFolder(located) && !hasHomes(located)) {
        const removed = wipe ? ', and nothing was removed' : ''
        if (json) terminal.json({ stopped: [], wiped: false, data: located.root })
        else terminal.say(`Nothing runs on ${located.root}: it is no data folder of Writ's${removed}.`)
        return tellOther(leftByAnother(located), terminal)
      }
      const folders = dataFolder({ dataDir, env })
      // Before anything is stopped for the sake of what will be refused.
      if (wipe) removablePlaces(folders)
      const stopped = await stopAll(folders, () => endTasksLeft(folders, terminal.say), terminal.say)
      if (wipe) await remove(folders, () => removeOwn(folders))
      if (json) terminal.json({ stopped, wiped: wipe, data: folders.root })
      else {
        const named = stopped.map(({ what, pid }) => `${what} (process ${pid})`)
        terminal.say(named.length === 0 ? `Nothing ran on ${folders.root}.` : `Stopped ${named.join(', ')}.`)
        terminal.say(
          wipe
            ? `Removed ${folders.root}.`
            : `The data is kept in ${folders.root}; writ down --wipe${flagsText} removes it.`,
        )
      }
      if (!wipe) tellOther(leftByAnother(folders), terminal)
    })
  examples(command, ['writ down', 'writ down --wipe --yes'])
}

/** Of what is not this folder's to end, and keeps `writ up` from it. */
const tellOther = (other: WritError | undefined, { say }: Terminal): void => {
  if (other !== undefined) say(`Not ended: ${other.message}; ${other.hint ?? ''}.`)
}
