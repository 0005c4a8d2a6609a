/**
 * Names of things: owners, ids that people choose, ids that Writ derives from them, and the address that a subject
 * carries. Every id is one NATS token, so nothing from outside can ever widen a subject.
 */
import { WritError } from './errors.ts'
import { derivedIdCharsMax, idCharsMax, shardCount } from './limits.ts'

const token = /^[A-Za-z0-9_-]+$/
/** A chosen id has no `__` and does not end in `_`: that separator belongs to the ids that are derived from it. */
const chosen = /^[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_|$))*$/
const reservedOwners = new Set(['sys'])

/** The kinds of actors. */
export type ActorKind = 'directive' | 'step' | 'registry'

/** An actor's key in the store and in memory: `<owner>/<id>`; unique over all kinds. */
export type ActorKey = `${string}/${string}`

/** The id of an owner's registry. No chosen id can be the same. */
export const registryId = '__registry'

/** Whether a text can be one token of a subject and an id, chosen or derived. */
export const isToken = (text: string): boolean => text.length <= derivedIdCharsMax && token.test(text)

/** Checks an id that a person chose (a directive's, a daemon's name, an owner's); throws BAD_INPUT. */
export const chosenId = (what: string, text: string): string => {
  if (text.length <= idCharsMax && chosen.test(text)) return text
  throw new WritError('BAD_INPUT', `${what} ${JSON.stringify(text.slice(0, 80))} is not an id`, {
    hint: `1 to ${idCharsMax} characters of A-Z a-z 0-9 - _, beginning with a letter or digit, without "__" and not ending in "_"`,
  })
}

/** Checks an owner's name; throws BAD_INPUT. */
export const ownerName = (text: string): string => {
  if (!reservedOwners.has(text)) return chosenId('owner', text)
  throw new WritError('BAD_INPUT', `the owner ${JSON.stringify(text)} is reserved`, { hint: 'choose another name' })
}

export const actorKey = (owner: string, id: string): ActorKey => `${owner}/${id}`

export const readKey = (key: ActorKey): { owner: string; id: string } => {
  const slash = key.indexOf('/')
  return { owner: key.slice(0, slash), id: key.slice(slash + 1) }
}

/** The directive that an id belongs to: its own, or the part before the derived suffix. */
export const directiveOf = (id: string): string => {
  const at = id.indexOf('__')
  return at <= 0 ? id : id.slice(0, at)
}

const fnvBegin = 0x811c9dc5
const fnvStep = (h: number, byte: number): number => Math.imul(h ^ byte, 0x01000193) >>> 0

/** FNV-1a, 32 bits, over UTF-8: spreads well over 256 shards, and is easy to write again in any language. */
const hash = (text: string): number => {
  let h = fnvBegin
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // Ids are ASCII, where characters are bytes; only what is none comes here.
    if (code > 0x7f) return new TextEncoder().encode(text).reduce(fnvStep, fnvBegin)
    h = fnvStep(h, code)
  }
  return h
}

/** The shard of an actor. Everything of a directive lives in the directive's shard. */
export const shardOf = (owner: string, id: string): number => hash(`${owner}/${directiveOf(id)}`) % shardCount

/** What a subject carries and what commands print: `<shard>.<id>`. */
export const addressOf = (owner: string, id: string): string => `${shardOf(owner, id)}.${id}`

/** Derived ids: a chain's generation and its steps, an actor's contracts and their tasks. */
export const stepId = (directive: string, generation: number, index: number): string =>
  `${directive}__${generation}_${index}`
export const contractId = (actor: string, number: number): string => `${actor}__c${number}`
export const taskId = (actor: string, number: number): string => `${actor}__t${number}`

/** The generation and index in a step's id, or null when it is not one. */
export const readStepId = (id: string): { directive: string; generation: number; index: number } | null => {
  const match = /^(.+?)__(\d+)_(\d+)$/.exec(id)
  const [, directive, generation, index] = match ?? []
  if (directive === undefined) return null
  return { directive, generation: Number(generation), index: Number(index) }
}

/** The actor and number in a contract's or task's id, or null when it is neither. */
export const readTaskId = (id: string): { actor: string; kind: 'contract' | 'task'; number: number } | null => {
  const match = /^(.+)__([ct])(\d+)$/.exec(id)
  const [, actor, kind, number] = match ?? []
  if (actor === undefined) return null
  return { actor, kind: kind === 'c' ? 'contract' : 'task', number: Number(number) }
}

/** What kind of actor has this id. */
export const kindOf = (id: string): ActorKind =>
  id === registryId ? 'registry' : readStepId(id) === null ? 'directive' : 'step'

/** The shard of the actor with this key. */
export const shardOfKey = (key: ActorKey): number => {
  const { owner, id } = readKey(key)
  return shardOf(owner, id)
}

/** The directive that an actor belongs to; its own key for a directive. */
export const directiveKeyOf = (key: ActorKey): ActorKey => {
  const { owner, id } = readKey(key)
  return actorKey(owner, directiveOf(id))
}
