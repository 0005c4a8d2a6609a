/**
 * The versions of machines that a build knows: on which of them a new actor begins, and how an actor of an older one comes to a
 * newer. A version that has ever been stored stays here until nothing is stored under it, in journals neither.
 */
import type { AnyStateMachine, StateValue } from 'xstate'
import { WritError } from '../protocol/errors.ts'

/** What a version makes of an actor, as it is stored: plain JSON. */
export interface VersionState {
  value: StateValue
  context: Record<string, unknown>
}

export interface MachineVersion {
  machine: AnyStateMachine
  /** Left out: actors of older versions go on under theirs for as long as they live. */
  migration?: Migration
}

/** How an actor of the version before becomes one of this. */
export interface Migration {
  /** The version before. */
  from: string
  /** Pure, and of nothing but what it is given. What it throws is the actor's fault, and parks it. */
  migrate: (before: VersionState) => VersionState
}

const named = (machine: string, version: string): string => `${machine}@${version}`
const nameOf = ({ id, version = '' }: AnyStateMachine): string => named(id, version)

const numbersOf = ({ version = '' }: AnyStateMachine): number[] =>
  version.split('.').map((part) => Number(part.replaceAll(/\D/g, '') || '0'))

const isNewer = (one: AnyStateMachine, other: AnyStateMachine): boolean => {
  const [these, those] = [numbersOf(one), numbersOf(other)]
  const at = these.findIndex((part, place) => part !== (those[place] ?? 0))
  return at >= 0 && (these[at] ?? 0) > (those[at] ?? 0)
}

const newestOf = (versions: readonly AnyStateMachine[]): AnyStateMachine | undefined =>
  versions.toSorted((a, b) => (isNewer(a, b) ? 1 : -1)).at(-1)

/**
 * On which version of a machine a new actor begins: the newest that is activated, which is what every live node declares
 * (`written`, as `name@version`). The newest of all as long as nothing is known of that.
 */
export const activated = (versions: readonly AnyStateMachine[], written: readonly string[]): AnyStateMachine => {
  const may = versions.filter((machine) => written.includes(nameOf(machine)))
  const newest = newestOf(may.length > 0 ? may : versions)
  if (newest === undefined) throw new WritError('INTERNAL', 'there is no version of this machine')
  return newest
}

export class Catalog {
  /** Every machine that can be opened, as `<name>@<version>`: what a node declares. */
  readonly known: readonly string[]
  readonly #versions: ReadonlyMap<string, MachineVersion>
  readonly #migrated: ReadonlySet<string>

  /** Throws INTERNAL when a migration leads from a version that is not there, or not to a newer one. */
  constructor(versions: readonly MachineVersion[]) {
    this.#versions = new Map(versions.map((version) => [nameOf(version.machine), version]))
    this.known = [...this.#versions.keys()]
    this.#migrated = new Set(versions.flatMap(({ machine, migration }) => (migration ? [machine.id] : [])))
    for (const version of versions) this.#check(version)
  }

  /** Whether a snapshot of this machine and version can be opened. */
  knows(machine: string, version: string): boolean {
    return this.#versions.has(named(machine, version))
  }

  /** The machine; throws INTERNAL when it is not known (ask `knows` first). */
  machineOf(machine: string, version: string): AnyStateMachine {
    return this.machineNamed(named(machine, version))
  }

  /** As `machineOf`, of `<name>@<version>`. */
  machineNamed(name: string): AnyStateMachine {
    const found = this.#versions.get(name)
    if (found !== undefined) return found.machine
    throw new WritError('INTERNAL', `there is no machine ${name} in this version of Writ`, {
      hint: `known are ${this.known.join(', ')}`,
    })
  }

  /** The machine that a new actor of this name begins on. */
  machineToBegin(machine: string, written: readonly string[]): AnyStateMachine {
    return activated(this.#all(machine), written)
  }

  /** The machine as data, as JSON: what editors and inspectors draw. Null when it is not known. */
  definitionOf(machine: string, version: string): string | null {
    const found = this.#versions.get(named(machine, version))
    return found === undefined ? null : JSON.stringify(found.machine.config)
  }

  /** Whose migrations, in order, lead from a version to the one that is activated; none when it is that one, or stays what it is. */
  wayFrom(machine: string, version: string, written: readonly string[]): readonly MachineVersion[] {
    if (!this.#migrated.has(machine)) return []
    const target = newestOf(this.#all(machine).filter((each) => written.includes(nameOf(each))))
    const way: MachineVersion[] = []
    for (let name = target === undefined ? undefined : nameOf(target); name !== named(machine, version);) {
      const at = name === undefined ? undefined : this.#versions.get(name)
      if (at?.migration === undefined) return []
      way.unshift(at)
      name = named(machine, at.migration.from)
    }
    return way
  }

  #all(machine: string): AnyStateMachine[] {
    return [...this.#versions.values()].flatMap((each) => (each.machine.id === machine ? [each.machine] : []))
  }

  #check({ machine, migration }: MachineVersion): void {
    if (migration === undefined || isNewer(machine, this.machineOf(machine.id, migration.from))) return
    throw new WritError('INTERNAL', `the migration from ${machine.id}@${migration.from} leads to ${nameOf(machine)}`, {
      hint: 'a migration leads to a newer version',
    })
  }
}
