/** What is changed of the world that a seed draws: faults and deeds that are left out, and how large it is. */
import type { SimOptions } from './options.ts'
import { deedRates, faultRates, noDeeds, noFaultsAtAll } from './rates.ts'

/** What of a world is a number that may be another one, with the least that makes sense. */
export const numbersMin = {
  engines: 1,
  threadsPerNode: 1,
  builds: 1,
  mailboxMax: 1,
  tight: 0,
  owners: 1,
  clients: 0,
  daemons: 1,
  scripts: 0,
  directives: 1,
  stepsMax: 1,
  chaosMs: 500,
  healMs: 60_000,
} as const

export type NumberName = keyof typeof numbersMin

export interface Changes {
  /** Faults and deeds that stay on; null: all that the seed has drawn. */
  only: readonly string[] | null
  numbers: Partial<Record<NumberName, number>>
}

export const noChanges: Changes = { only: null, numbers: {} }

export const isNumberName = (name: string): name is NumberName => name in numbersMin

/** Faults and deeds, by name. */
export const isStrike = (name: string): boolean => name in faultRates || name in deedRates

/** The names of the faults and deeds that are on. */
export const strikesOf = ({ faults, deeds }: SimOptions): string[] =>
  Object.entries({ ...faults, ...deeds }).flatMap(([name, rate]) => (rate > 0 ? [name] : []))

export const changed = (options: SimOptions, { only, numbers }: Changes): SimOptions => {
  const left = new Set(only ?? strikesOf(options))
  const kept = <R extends Record<string, number>>(rates: R, none: R): R => ({
    ...none,
    ...Object.fromEntries(Object.entries(rates).filter(([name]) => left.has(name))),
  })
  return { ...options, ...numbers, faults: kept(options.faults, noFaultsAtAll), deeds: kept(options.deeds, noDeeds) }
}

/** As arguments of `npm run sim`. */
export const argumentsFor = ({ only, numbers }: Changes): string[] => {
  const pairs = Object.entries(numbers).map(([name, value]) => `${name}=${value}`)
  return [
    ...(only === null ? [] : ['--only', only.length === 0 ? 'none' : only.join(',')]),
    ...(pairs.length === 0 ? [] : ['--with', pairs.join(',')]),
  ]
}
