/**
 * What still runs of a run: processes that name its folder, in their command or in a variable of a task. Whatever a task starts inherits such
 * variables, so that a child is seen whose command says nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { living } from '../../src/embedded/living.ts'

const shownMost = 200

/** A line for each; `own`: ids of those that are to be there. The servers and what belongs to them are left out. */
export const straysOf = (folder: string, own: ReadonlySet<number>): string[] => {
  const servers = join(folder, 'servers')
  return readdirSync('/proc').flatMap((name) => {
    const one = /^\d+$/.test(name) && !own.has(Number(name)) ? living(Number(name)) : undefined
    if (one === undefined || one.command.includes(servers)) return []
    const isOfRun = one.command.includes(folder) || variablesOf(name).some((entry) => entry.includes(folder))
    return isOfRun ? [`${one.pid} ${one.command.slice(0, shownMost)}`] : []
  })
}

/** Those of a task. */
const variablesOf = (pid: string): string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .filter((entry) => entry.startsWith('WRIT_'))
  } catch {
    // It has ended, or is another user's: none of this run.
    return []
  }
}
