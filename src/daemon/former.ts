/** What outlived the process that started it: the tasks of a daemon that was killed, known by its records. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { AttemptRecord } from './attempts.ts'
import { openAttempts } from './attempts.ts'
import { wordsFor } from './failure.ts'
import { gitMark } from './git.ts'
import type { Home } from './home.ts'
import { openHome } from './home.ts'
import { holderOfHome } from './home-lock.ts'
import { endGroup, groupLives } from './process-group.ts'
import { endStrays, tokenMark } from './strays.ts'

/** Ends what runs of these attempts, also what has left its group; `home` is the home's id. Answers the ids of groups and processes. */
export const endFormer = async (records: readonly AttemptRecord[], home: string): Promise<number[]> => {
  const groups = records.flatMap(({ group }) => (group !== null && groupLives(group) ? [group] : []))
  await Promise.all(groups.map((group) => endGroup(group)))
  const tokens = records.flatMap(({ token }) => (token === null ? [] : [tokenMark(token)]))
  const strays = await endStrays([gitMark(home), ...tokens])
  return [...groups.map(({ id }) => id), ...strays]
}

/**
 * The same for every daemon whose home is in `folder`, but for one that lives: that ends its own. The records stay, for a
 * later daemon reports from them; `say` is told of one that cannot be read, and of a home that cannot be looked at.
 */
export const endFormerIn = async (folder: string, say: (line: string) => void): Promise<number[]> => {
  const ended: number[] = []
  for (const name of homesIn(folder)) {
    const home = await openUnused(join(folder, name), say)
    if (home === null) continue
    try {
      const { records, damaged } = await openAttempts(home.attempts).open()
      for (const file of damaged) say(`the record ${join(home.attempts, file)} cannot be read; it was moved aside`)
      ended.push(...(await endFormer(records, home.id)))
    } finally {
      home.release()
    }
  }
  return ended
}

/** Whether a daemon has ever had its home in `folder`. */
export const holdsHomes = (folder: string): boolean => homesIn(folder).length > 0

/** The daemons that live on a home in `folder`: their processes, and where. */
export const livingIn = (folder: string): { pid: number; home: string }[] =>
  homesIn(folder).flatMap((name) => {
    const home = join(folder, name)
    const pid = holderOfHome(home)
    return pid === null ? [] : [{ pid, home }]
  })

const homesIn = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'attempts'))) : []

/** Null: a daemon lives in it, or it cannot be opened, on a full disk say: that is no reason to leave the rest running. */
const openUnused = async (root: string, say: (line: string) => void): Promise<Home | null> => {
  try {
    return await openHome(root)
  } catch (error) {
    if (!(error instanceof WritError && error.code === 'LOCKED'))
      say(`what the daemon of ${root} has left running is not looked for: ${wordsFor(error)}`)
    return null
  }
}
