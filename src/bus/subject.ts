/**
 * How a subject is declared: a template with `{tokens}`, what it means, who sends it to whom and what it carries.
 * Every token is checked on the way out, so nothing from outside can widen a subject or address another owner.
 */
import type { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { isToken, ownerName } from '../protocol/ids.ts'

/** One message of a subject. `request`: answered; `publish`: fire and forget; `streamed`: publish, and kept until it was taken. */
export interface Message {
  kind: 'request' | 'publish' | 'streamed'
  meaning: string
  payload: z.ZodType
  /** What a request is answered with, where it is not refused. */
  answer?: z.ZodType
}

const message =
  <const K extends Message['kind']>(kind: K) =>
  <P extends z.ZodType>(payload: P, meaning: string): { kind: K; meaning: string; payload: P } => ({
    kind,
    meaning,
    payload,
  })
/** The messages of a declaration, by their kinds. */
export const request = <P extends z.ZodType, A extends z.ZodType>(payload: P, meaning: string, answer: A) => ({
  ...message('request')(payload, meaning),
  answer,
})
export const publish = message('publish')
export const streamed = message('streamed')

/** What a declaration says. `messages` has a line per verb (`noun.verb` where there is a noun), or one where there is none. */
export interface Declaration<M extends Record<string, Message>> {
  meaning: string
  from: string
  to: string
  messages: M
}

type Named<T extends string> = T extends `${string}{${infer N}}${infer R}`
  ? (N extends `...${infer M}` ? M : N) | Named<R>
  : never
type Last<K> = K extends `${string}.${infer V}` ? V : K
type First<K> = K extends `${infer N}.${string}` ? N : K
type Declared<M> = [keyof M] extends [never] ? string : keyof M & string
/** What may stand for a token: a declared verb or noun, else any text or number that is one token. */
type Value<N, M> = N extends 'verb' ? Last<Declared<M>> : N extends 'noun' ? First<Declared<M>> : string | number

/** The tokens of a template. */
export type Tokens<T extends string, M> = { [N in Named<T>]: Value<N, M> }

export interface Subject<
  T extends string = string,
  M extends Record<string, Message> = Record<string, Message>,
> extends Declaration<M> {
  template: T
  /** The subject to send on. Throws BAD_INPUT when a token is not one. */
  at: (tokens: Tokens<T, M>) => string
  /** The pattern to listen on: `*` (or `>`) for each token that is left out. */
  pattern: (tokens?: Partial<Tokens<T, M>>) => string
  /** The tokens of a subject that came in, or null when it is none of this template's. */
  read: (subject: string) => { [N in Named<T>]: string } | null
}

interface Part {
  text: string
  /** Null: the text stands for itself. */
  token: string | null
  rest: boolean
}

const partOf = (text: string): Part => {
  const [, dots, name] = /^\{(\.\.\.)?(.+)\}$/.exec(text) ?? []
  return { text, token: name ?? null, rest: dots !== undefined }
}

/** `{...rest}` has dots between its braces, so the template is not just split at dots. */
const partsOf = (template: string): Part[] => (template.match(/\{[^}]*\}|[^.{}]+/g) ?? []).map(partOf)

const refuse = (template: string, name: string, value: unknown): WritError =>
  new WritError(
    'BAD_INPUT',
    `${name} ${JSON.stringify(String(value).slice(0, 80))} cannot be part of the subject ${template}`,
    {
      hint: 'use 1 to 96 characters of A-Z a-z 0-9 _ -',
    },
  )

const checked = (template: string, part: Part, value: unknown): string => {
  const text = typeof value === 'number' ? String(value) : value
  const name = part.token ?? part.text
  if (typeof text !== 'string') throw refuse(template, name, text)
  if (name === 'owner') return ownerName(text)
  const tokens = part.rest ? text.split('.') : [text]
  if (!tokens.every(isToken)) throw refuse(template, name, text)
  return text
}

const areTokens = (text: string, rest: boolean): boolean => (rest ? text.split('.').every(isToken) : isToken(text))

const isOwner = (text: string): boolean => isToken(text) && text !== 'sys'

const readParts = (parts: readonly Part[], subject: string): Record<string, string> | null => {
  const texts = subject.split('.')
  const rest = parts.at(-1)?.rest ?? false
  if (rest ? texts.length < parts.length : texts.length !== parts.length) return null
  // Most subjects that come in are of another template: its own words tell that sooner than what its tokens may be.
  if (!parts.every(({ token, text }, index) => token !== null || text === texts[index])) return null
  const tokens: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    if (part.token === null) continue
    const text = part.rest ? texts.slice(index).join('.') : (texts[index] ?? '')
    if (!areTokens(text, part.rest) || (part.token === 'owner' && !isOwner(text))) return null
    tokens[part.token] = text
  }
  return tokens
}

/** Declares a subject: `subject('writ.v1.{owner}.mail.{shard}.{id}', …).at({ owner: 'default', shard: 7, id: 'x' })`. */
export const subject = <const T extends string, const M extends Record<string, Message>>(
  template: T,
  declaration: Declaration<M>,
): Subject<T, M> => {
  const parts = partsOf(template)
  const write = (tokens: Partial<Tokens<T, M>>, missing: (part: Part) => string): string => {
    const given = new Map<string, unknown>(Object.entries(tokens))
    const texts = parts.map((part) => {
      if (part.token === null) return part.text
      const value = given.get(part.token)
      return value === undefined ? missing(part) : checked(template, part, value)
    })
    return texts.join('.')
  }
  return {
    ...declaration,
    template,
    at: (tokens) =>
      write(tokens, (part) => {
        throw refuse(template, part.token ?? part.text, undefined)
      }),
    pattern: (tokens = {}) => write(tokens, (part) => (part.rest ? '>' : '*')),
    read: (text) => readParts(parts, text) as ReturnType<Subject<T, M>['read']>,
  }
}
