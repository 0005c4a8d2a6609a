/** What `npm run chaos` is told on its command line. */
import { parseArgs } from 'node:util'
import { type Kind, kinds } from './kinds.ts'

export interface ChaosOptions {
  minutes: number
  /** Of the faults and of the plans; when threads and processes run is up to the machine. */
  seed: number
  only: readonly Kind[]
  json: boolean
  nodes: number
  /** How many are under way at a time. */
  directives: number
  /** The folder of the run is kept, although nothing was wrong. */
  keep: boolean
}

const usage = `npm run chaos -- [--minutes N] [--seed S] [--only KIND,…] [--nodes N] [--directives N] [--keep] [--json]
kinds: ${kinds.join(', ')}`

/** Throws with the usage when it is no command line of ours. */
export const readOptions = (args: readonly string[]): ChaosOptions => {
  const { minutes, seed, only, nodes, directives, json, keep } = parsed(args)
  const chosen = only === undefined ? kinds : only.split(',').map(kindOf)
  return {
    minutes: numberOf('--minutes', minutes ?? '3'),
    seed: numberOf('--seed', seed ?? String(Math.floor(Math.random() * 2 ** 31))),
    nodes: numberOf('--nodes', nodes ?? '3'),
    directives: numberOf('--directives', directives ?? '10'),
    only: chosen,
    json,
    keep,
  }
}

const parsed = (args: readonly string[]) => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        nodes: { type: 'string' },
        directives: { type: 'string' },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${usage}`, { cause: error })
  }
}

const kindOf = (text: string): Kind => {
  const kind = kinds.find((each) => each === text)
  if (kind === undefined) throw new Error(`there is no kind of fault ${text}\n${usage}`)
  return kind
}

const numberOf = (name: string, text: string): number => {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number) || number <= 0)
    throw new Error(`${name} ${text}: not a number above 0\n${usage}`)
  return number
}
