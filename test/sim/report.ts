/** What a run tells people: how far it is, what failed and how to see it again, and what happened in all. */
import { argumentsFor, type Changes, noChanges } from './changes.ts'
import type { Result } from './job.ts'
import { described } from './options.ts'
import { regressionsFile, type Seed } from './seeds.ts'
import type { Shrunk } from './shrink.ts'
import type { Count, Tally } from './tally.ts'

/** Of a trace: how it began, and how it came to the violation. */
const shownLines = { first: 80, last: 60 }
const columns = 3

const figure = (value: number): string => Math.round(value).toLocaleString('en')

const rate = (value: number): string => (value < 100 ? value.toFixed(1) : figure(value))

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

const visitedOf = ({ visited }: Tally, reachable: ReadonlySet<string>): number =>
  [...visited].filter((pair) => reachable.has(pair)).length

/** One line of how far it is. */
export const progressLine = ({ seeds, events, failed }: Tally, of: number, seconds: number): string => {
  const speed = seeds / Math.max(0.001, seconds)
  const left = speed > 0 ? `, ${figure((of - seeds) / speed)} s to go` : ''
  return `${figure(seeds)} of ${figure(of)} seeds, ${figure(events)} events, ${rate(speed)} seeds per second, ${failed.length} failed${left}`
}

/** The command that shows a world again. */
export const replayCommand = ({ seed, size }: Seed, changes: Changes = noChanges): string =>
  ['npm run sim -- --seed', seed, '--size', size, ...argumentsFor(changes)].join(' ')

export const failedLine = (result: Result): string =>
  `seed ${result.seed} (${result.size}) breaks ${result.violations[0] ?? ''}\n  again: ${replayCommand(result)}`

/** The smallest world that was found for a seed that failed, with the end of its trace. */
export const shrunkText = (at: Seed, { changes, options, outcome, tried }: Shrunk): string =>
  [
    `seed ${at.seed} (${at.size}), shrunk in ${tried} tries, breaks ${outcome.violations.join('\n  and ')}`,
    `its world: ${described(options)}`,
    'its trace up to the first violation:',
    ...outcome.trace.around(shownLines.first, shownLines.last),
    `again, shrunk: ${replayCommand(at, changes)}`,
    `again, whole: ${replayCommand(at)}`,
    `once it is mended, add to ${regressionsFile}: ${at.size} ${at.seed} <what it finds>`,
  ].join('\n')

const tableOf = (title: string, counts: readonly Count[]): string[] => {
  const cells = counts.map(({ name, count }) => `${name.padEnd(21)}${figure(count).padStart(12)}`)
  const rows = Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns).join('   '),
  )
  return [title, ...rows.map((row) => `  ${row}`)]
}

/** By machine. */
const coverageOf = (tally: Tally, reachable: ReadonlySet<string>): string[] => {
  const machines = [...new Set([...reachable].map(machineOf))]
  const parts = machines.map((machine) => {
    const all = [...reachable].filter((pair) => machineOf(pair) === machine)
    const seen = all.filter((pair) => tally.visited.has(pair)).length
    return `  ${machine.padEnd(21)}${`${seen} of ${all.length}`.padStart(12)}  ${percent(seen, all.length)}`
  })
  return ['pairs of a state and a message that did something there', ...parts]
}

const machineOf = (pair: string): string => pair.split(' ')[0] ?? ''

/** What no world has met, a line each. */
export const uncoveredText = ({ visited }: Tally, reachable: ReadonlySet<string>): string => {
  const never = [...reachable].filter((pair) => !visited.has(pair)).toSorted()
  return ['never visited:', ...never.map((pair) => `  ${pair}`)].join('\n')
}

/** How long a run took: on the clock, and in all threads together on the processors. */
export interface Spent {
  seconds: number
  processorSeconds: number
}

/** The tables, and one last line that says it all. */
export const summaryText = (tally: Tally, reachable: ReadonlySet<string>, spent: Spent): string => {
  const { seeds, events, ended, migrated, again, faults, deeds, failed } = tally
  const seen = visitedOf(tally, reachable)
  const byKind = faults.map(({ name, count }) => `${name} ${count}`).join(', ')
  const speed = `${rate(seeds / Math.max(0.001, spent.seconds))} seeds per second`
  const perProcessor = rate(events / Math.max(0.001, spent.processorSeconds))
  return [
    ...tableOf('faults that took effect', faults),
    ...tableOf('deeds of people', deeds),
    ...coverageOf(tally, reachable),
    `${figure(ended)} directives ended, ${figure(migrated)} actors migrated; ${figure(events / Math.max(1, seeds))} events a seed, ${perProcessor} a second of processor time; ${again} seeds ran twice with the same trace`,
    `${figure(seeds)} seeds, ${figure(events)} events, ${speed}, faults: ${byKind}; ` +
      `coverage ${percent(seen, reachable.size)} (${seen} of ${reachable.size}); ${failed.length} violations`,
  ].join('\n')
}
