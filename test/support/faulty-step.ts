/** Machines of a build whose steps have a fault: they throw whenever they are told a certain thing. */
import type { AnyStateMachine } from 'xstate'
import { current } from '../../src/machines/catalog.ts'
import { Catalog } from '../../src/machines/versions.ts'

const { step, directive, registry } = current

/** What a build opens whose steps throw at messages of this type. */
export const faultyAt = (type: string): Catalog => {
  const sound: AnyStateMachine = step
  const faulty = Object.create(step) as AnyStateMachine
  faulty.transition = (snapshot, event, scope) => {
    if (event.type === type) throw new Error(`the machine is at fault at ${type}`)
    return sound.transition.call(faulty, snapshot, event, scope)
  }
  return new Catalog([directive, faulty, registry].map((machine) => ({ machine })))
}
