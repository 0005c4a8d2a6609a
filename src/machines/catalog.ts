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
