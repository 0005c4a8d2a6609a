/**
 * The one place where bytes from outside become a value. Whatever cannot be taken is refused with BAD_INPUT: not UTF-8,
 * not JSON, deeper than is safe to walk, or a key that reaches for prototypes.
 */
import type { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { issueWords } from '../protocol/issue-words.ts'
import { jsonDepthMax, payloadBytesMax } from '../protocol/limits.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const toUtf8 = new TextEncoder()

const textOf = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new WritError('BAD_INPUT', 'the message is not UTF-8', { hint: 'send JSON, encoded as UTF-8', cause })
  }
}

/**
 * Looked at in the text, before it is parsed: walking the value would have to recurse, and a parser's own stack is not
 * ours to count on.
 */
const depthOf = (text: string): number => {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === openBrace || code === openBracket) deepest = Math.max(deepest, ++depth)
    else if (code === closeBrace || code === closeBracket) depth--
  }
  return deepest
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** Where the string that begins at `start` ends; the text's end when it does not (and then it is no JSON either). */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}

const refusePrototypes = (key: string, value: unknown): unknown => {
  if (key === '__proto__')
    throw new WritError('BAD_INPUT', 'the message has a key "__proto__"', { hint: 'leave it out' })
  return value
}

/** A reviver makes parsing several times slower, and only a text that spells the key, or may with escapes, needs it. */
const maySpellProto = (text: string): boolean => text.includes('__proto__') || text.includes('\\u')

const parse = (text: string): unknown => {
  try {
    return maySpellProto(text) ? JSON.parse(text, refusePrototypes) : JSON.parse(text)
  } catch (cause) {
    if (cause instanceof WritError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WritError('BAD_INPUT', `the message is not JSON: ${why.slice(0, 200)}`, {
      hint: 'send a JSON object',
      cause,
    })
  }
}

/** The value that a message carries; an empty one means `{}`. Throws BAD_INPUT, or TOO_LARGE over the payload limit. */
export const decode = (bytes: Uint8Array): unknown => {
  if (bytes.length > payloadBytesMax) throw tooLarge(bytes.length)
  const text = textOf(bytes)
  if (text.trim() === '') return {}
  if (depthOf(text) > jsonDepthMax) {
    throw new WritError('BAD_INPUT', `the message is nested deeper than ${jsonDepthMax} levels`, {
      hint: 'send it flatter',
    })
  }
  return parse(text)
}

/** The bytes of a message. Throws TOO_LARGE over the payload limit, BAD_INPUT for what JSON cannot hold. */
export const encode = (body: object): Uint8Array => {
  const bytes = toUtf8.encode(textFrom(body))
  if (bytes.length > payloadBytesMax) throw tooLarge(bytes.length)
  return bytes
}

const textFrom = (body: object): string => {
  try {
    return JSON.stringify(body)
  } catch (cause) {
    throw new WritError('BAD_INPUT', 'the message cannot be written as JSON', { hint: 'no cycles, no bigints', cause })
  }
}

const tooLarge = (bytes: number): WritError =>
  new WritError('TOO_LARGE', `the message has ${bytes} bytes, over the limit of ${payloadBytesMax}`, {
    hint: 'send large texts as files of a contract, in chunks',
  })

/** Checks a decoded value against a declared payload; throws BAD_INPUT that lists every fault with its place. */
export const checkPayload = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'the message' : path.join('.')}: ${issueWords(message)}`,
  )
  throw new WritError('BAD_INPUT', `the message is not what this subject takes: ${faults[0] ?? 'unknown fault'}`, {
    hint: 'docs/asyncapi.yaml says what each subject takes',
    faults,
  })
}
