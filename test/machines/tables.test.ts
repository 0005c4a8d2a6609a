/**
 * Compares what the machines do with the tables beside this file, state by state. To accept a change that is meant, run
 * with WRITE_TABLES=1 and read the difference.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Short } from './support.ts'
import {
  directiveEvents,
  directivePlaces,
  type Place,
  registryEvents,
  registryPlaces,
  stepEvents,
  stepPlaces,
  tableOf,
} from './tables.ts'

const writing = process.env['WRITE_TABLES'] === '1'
const fileOf = (machine: string) => new URL(`./tables/${machine}.txt`, import.meta.url)

const write = (machine: string, places: Record<string, Place>, events: Record<string, Short>): void => {
  mkdirSync(new URL('./tables/', import.meta.url), { recursive: true })
  const text = Object.entries(places).map(([name, place]) => tableOf(name, place, events))
  writeFileSync(fileOf(machine), `${text.join('\n\n')}\n`)
}

const sections = (machine: string): Map<string, string> => {
  const text = existsSync(fileOf(machine)) ? readFileSync(fileOf(machine), 'utf8') : ''
  return new Map(
    text
      .trimEnd()
      .split('\n\n')
      .map((section) => [section.slice(3, section.indexOf(':')), section]),
  )
}

describe.each<[string, Record<string, Place>, Record<string, Short>]>([
  ['step', stepPlaces, stepEvents],
  ['directive', directivePlaces, directiveEvents],
  ['registry', registryPlaces, registryEvents],
])('a %s', (machine, places, events) => {
  if (writing) write(machine, places, events)
  const expected = sections(machine)
  it.each(Object.keys(places))('R45: %s: answers every event as its table says', (name) => {
    const place = places[name]
    if (place === undefined) throw new Error(name)
    expect(tableOf(name, place, events)).toBe(expected.get(name))
  })
})
