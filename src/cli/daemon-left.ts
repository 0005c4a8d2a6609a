/** What a killed `writ up --daemon` has left running of its tasks. */
import { join } from 'node:path'
import { endFormerIn } from '../daemon/former.ts'
import { daemonsFolder } from './own-folders.ts'

/** Ends the tasks of daemons in this data folder that live no more. Answers the ids of their process groups, and of processes that left those. */
export const endTasksLeft = ({ root }: { root: string }, say: (line: string) => void): Promise<number[]> =>
  endFormerIn(join(root, daemonsFolder), say)
