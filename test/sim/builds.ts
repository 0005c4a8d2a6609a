/** Builds of Writ that follow each other: which machines each of them opens. Each opens all that those before it have written. */
import { catalog, current } from '../../src/machines/catalog.ts'
import { Catalog, type MachineVersion } from '../../src/machines/versions.ts'
import { laterDirectives, laterSteps } from './later-machines.ts'

const firsts: readonly MachineVersion[] = Object.values(current).map((machine) => ({ machine }))

/** From this one on. */
const builds: readonly Catalog[] = [
  catalog,
  new Catalog([...firsts, ...laterSteps.slice(0, 1)]),
  new Catalog([...firsts, ...laterSteps, ...laterDirectives]),
]

export const buildsMax = builds.length

/** Every machine that any build has. */
export const allMachines = builds.at(-1) ?? catalog

/** What a build opens; the first is 1. */
export const machinesOf = (build: number): Catalog => builds[build - 1] ?? catalog
