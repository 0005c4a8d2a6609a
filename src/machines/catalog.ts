/** Every machine by name and version. A version that has ever been stored stays here until nothing is stored under it. */
import type { AnyStateMachine } from 'xstate'
import { WritError } from '../protocol/errors.ts'
import type { ActorKind } from '../protocol/ids.ts'
import { directive } from './directive.ts'
import { registry } from './registry.ts'
import { step } from './step.ts'

/** The machine that a new actor of each kind runs on. */
export const current: Readonly<Record<ActorKind, AnyStateMachine>> = { directive, step, registry }

const named = (machine: string, version: string): string => `${machine}@${version}`

const machines: ReadonlyMap<string, AnyStateMachine> = new Map(
  Object.values(current).map((machine) => [named(machine.id, machine.version ?? ''), machine]),
)

/** Every machine that this build opens, as `<name>@<version>`: what a node declares. */
export const known: readonly string[] = [...machines.keys()]

/** Whether a snapshot of this machine and version can be opened here. */
export const knows = (machine: string, version: string): boolean => machines.has(named(machine, version))

const numbersOf = ({ version = '' }: AnyStateMachine): number[] =>
  version.split('.').map((part) => Number(part.replaceAll(/\D/g, '') || '0'))

const isNewer = (one: AnyStateMachine, other: AnyStateMachine): boolean => {
  const [these, those] = [numbersOf(one), numbersOf(other)]
  const at = these.findIndex((part, place) => part !== (those[place] ?? 0))
  return at >= 0 && (these[at] ?? 0) > (those[at] ?? 0)
}

/**
 * On which version of a machine a new actor begins: the newest that is activated, which is what every live node declares
 * (`written`, as `name@version`). The newest of all as long as nothing is known of that.
 */
export const activated = (versions: readonly AnyStateMachine[], written: readonly string[]): AnyStateMachine => {
  const may = versions.filter(({ id, version = '' }) => written.includes(named(id, version)))
  const [first, ...rest] = may.length > 0 ? may : versions
  if (first === undefined) throw new WritError('INTERNAL', 'there is no version of this machine')
  return rest.reduce((newest, each) => (isNewer(each, newest) ? each : newest), first)
}

/** Of what this build knows. */
export const machineToBegin = (kind: ActorKind, written: readonly string[]): AnyStateMachine =>
  activated(
    [...machines.values()].filter(({ id }) => id === current[kind].id),
    written,
  )

/** The machine as data, as JSON: what editors and inspectors draw. Null when it is not known. */
export const definitionOf = (machine: string, version: string): string | null => {
  const found = machines.get(named(machine, version))
  return found === undefined ? null : JSON.stringify(found.config)
}

/** The machine; throws INTERNAL when it is not known (ask `knows` first). */
export const machineOf = (machine: string, version: string): AnyStateMachine => {
  const found = machines.get(named(machine, version))
  if (found !== undefined) return found
  throw new WritError('INTERNAL', `there is no machine ${named(machine, version)} in this version of Writ`, {
    hint: `known are ${known.join(', ')}`,
  })
}
