/** A directive with the states of its actors, and what may excuse that they do not agree with its rows at one moment. */
import { unpack } from '../actors/codec.ts'
import type { ActorColumns, DirectivePart, MailColumns } from '../actors/ports/survey.ts'
import { type ActorKey, actorKey, kindOf, readKey, registryId } from '../protocol/ids.ts'
import type { State } from './state.ts'

/** A message on its way, or parked: as far as the checks look into it. */
export interface Mail {
  to: ActorKey
  from: string
  /** Null: it cannot be read. */
  type: string | null
  /** Ids of grants that it is about. */
  grants: readonly string[]
}

export class Scene {
  readonly part: DirectivePart
  readonly key: ActorKey
  readonly states: ReadonlyMap<ActorKey, State>
  /** To its actors and to its registry, those that are parked included. */
  readonly mail: readonly Mail[]
  readonly faulted: ReadonlySet<ActorKey>
  readonly #told: ReadonlySet<ActorKey>
  readonly #actors: ReadonlyMap<ActorKey, ActorColumns>

  /** `states`: of every actor that could be opened. */
  constructor(part: DirectivePart, states: ReadonlyMap<ActorKey, State>) {
    this.part = part
    this.key = part.directive.key
    this.states = states
    this.mail = [...part.mail, ...part.parked.map((row) => ({ ...row, to: row.actor }))].map(mailOf)
    this.faulted = new Set(part.faulted)
    this.#told = new Set(this.mail.map(({ to }) => to))
    this.#actors = new Map(part.actors.map((row) => [row.key, row]))
  }

  get registry(): ActorKey {
    return actorKey(readKey(this.key).owner, registryId)
  }

  get state(): State | null {
    return this.states.get(this.key) ?? null
  }

  readonly actor = (key: ActorKey): ActorColumns | undefined => this.#actors.get(key)

  /** It is parked, or cannot be opened, or is yet to take something: its attempt may have been closed in its stead. */
  isExcused(key: ActorKey): boolean {
    return this.faulted.has(key) || this.#told.has(key) || !this.states.has(key)
  }

  /** Nothing is on its way between the actors of this directive, and each of them can be looked at. */
  get isSettled(): boolean {
    const between = this.mail.some(({ to, from }) => kindOf(readKey(to).id) !== 'registry' && from !== this.registry)
    return !between && this.faulted.size === 0 && this.states.size === this.part.actors.length
  }

  /** Of a message of this type, on its way to its registry or from there, about this grant. */
  isUnderWay(types: ReadonlySet<string>, grant: string): boolean {
    return this.mail.some(({ type, grants }) => type !== null && types.has(type) && grants.includes(grant))
  }
}

const mailOf = ({ to, from, body }: Pick<MailColumns, 'to' | 'from' | 'body'>): Mail => {
  const message = bodyOf(body) as Fields | null
  const type = typeof message?.type === 'string' ? message.type : null
  return { to, from, type, grants: message === null ? [] : grantsIn(message) }
}

interface Fields {
  type?: unknown
  id?: unknown
  grant?: { id?: unknown } | string | null
  grants?: unknown
  unknown?: unknown
}

const bodyOf = (body: Uint8Array | null): object | null => {
  try {
    const message = body === null ? null : unpack(body)
    return typeof message === 'object' ? message : null
  } catch {
    return null
  }
}

/** `grant`, `grant.lost` and `grant.recall` name one; `release` and `holding` some. */
const grantsIn = ({ id, grant, grants, unknown }: Fields): string[] => {
  const listed = [grants, unknown].flatMap((list): unknown[] => (Array.isArray(list) ? list : []))
  const named = [id, typeof grant === 'object' ? grant?.id : grant, ...listed]
  return named.flatMap((each): string[] => {
    if (typeof each === 'string') return [each]
    const inner: unknown = typeof each === 'object' && each !== null && 'id' in each ? each.id : null
    return typeof inner === 'string' ? [inner] : []
  })
}
