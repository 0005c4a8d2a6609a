/** What `npm run sim:mutants` was asked for, in words of the command line. */
import { readdirSync, statSync } from 'node:fs'
import { command, whole } from '../../support/arguments.ts'

interface Asked {
  /** Their names; all of them when nothing is said. */
  only?: string[]
  /** The last that is tried for each. */
  seeds: number
  /** How many bugs are looked for at a time. */
  jobs: number
  /** The folder of what is planted. */
  patches: string
}

const alsoNamed = (name: string, before: readonly string[] = []): string[] => [...before, name]

/** Ends the process with words for people when they are wrong. `others`: what else is the case unless it is asked for. */
export const asked = (args: readonly string[], others: Pick<Asked, 'jobs' | 'patches'>): Asked => {
  const program = command('sim:mutants', 'Plants known bugs, and lets the simulator look for each (docs/mutants.md).')
    .option('--only <name>', 'only this one (again for more), with the trace that led to the find', alsoNamed)
    .option('--seeds <max>', 'seeds from 1 to this are tried for each', whole(1, 1_000_000_000), 5_000)
    .option('--jobs <count>', 'so many bugs at a time', whole(1, 256), others.jobs)
    .option('--patches <folder>', 'other patches', others.patches)
    .parse([...args], { from: 'user' })
  const given = program.opts<Asked>()
  const names = patchesIn(given.patches)
  if (names.length === 0) program.error(`error: there are no patches in ${given.patches}`)
  const unknown = given.only?.find((name) => !names.includes(name))
  if (unknown !== undefined) program.error(`error: there is no ${unknown} in ${given.patches}`)
  return given
}

const patchesIn = (folder: string): string[] => {
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  return (isFolder ? readdirSync(folder) : []).flatMap((name) => /^(.+)\.patch$/.exec(name)?.[1] ?? [])
}
