/**
 * The machines as turns move them in the simulated world: those of production, but some have a fault, and throw whenever a certain
 * actor takes a certain message, or is to become one of a later version.
 */
import { type Advance, advance as sound, type Live } from '../../src/machines/advance.ts'
import type { Given } from '../../src/machines/given.ts'
import type { Message } from '../../src/machines/message.ts'

// What is exported below by the same name comes first.
export * from '../../src/machines/advance.ts'

export class MachineFault extends Error {
  override readonly name = 'MachineFault'
}

/**
 * Told of each message that an actor is about to take, and of each migration, in words that are the same whenever it is tried again, and
 * what the actor remembers.
 */
type IsFaulty = (what: string, context: object) => boolean

const none: IsFaulty = () => false
let isFaulty = none
let isFailing = none

/** From here on machines, and migrations, throw at these, in the world that runs in this thread; null: at none. */
export const faultyAt = (is: IsFaulty | null, fails: IsFaulty | null): void => {
  isFaulty = is ?? none
  isFailing = fails ?? none
}

/** Asked by each migration. */
export const throwAtFault = (what: string, context: object): void => {
  if (isFailing(what, context)) throw new MachineFault('nobody thought of this')
}

export const advance = (live: Live, message: Message, given: Given<unknown>): Advance => {
  // What is parked of a registry is mended with nobody's directive.
  const isRegistry = Object.keys(given.settings ?? {}).length === 0
  if (isFaulty !== none && !isRegistry && isFaulty(wordsOf(live, message, given), live.snapshot.context as object))
    throw new MachineFault(`the machine is at fault at ${message.type}`)
  return sound(live, message, given)
}

const wordsOf = ({ snapshot }: Live, message: Message, { settings }: Given<unknown>): string =>
  JSON.stringify([snapshot.value, message, settings])
