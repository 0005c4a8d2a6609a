/** Finds where text stops being JSON. The engine's own message names the place only sometimes. */

type Expecting = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'after'

/** Tokens, tried in this order at a place. Strings are unrolled so that a long one cannot exhaust the matcher. */
const space = /[ \t\n\r]*/y
const text = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

/** The place of the first character that cannot stand where it stands, counted from 0; the text's length when it ends too early. */
export const jsonBreaksAt = (json: string): number => {
  const open: string[] = []
  let at = skip(space, json, 0)
  let expecting: Expecting = 'value'
  while (at < json.length && !(expecting === 'after' && open.length === 0)) {
    const next = tokenEnd(json, at, expecting, open)
    if (next === at) return at
    expecting = expectedAfter(json.charAt(at), expecting, open)
    at = skip(space, json, next)
  }
  return at
}

const skip = (token: RegExp, json: string, from: number): number => {
  token.lastIndex = from
  return token.test(json) ? token.lastIndex : from
}

/** Where the token at this place ends; the same place when it is not one that may stand here. */
const tokenEnd = (json: string, at: number, expecting: Expecting, open: readonly string[]): number => {
  const char = json.charAt(at)
  const closes = char === (open.at(-1) === '{' ? '}' : ']')
  switch (expecting) {
    case 'colon':
      return char === ':' ? at + 1 : at
    case 'after':
      return char === ',' || closes ? at + 1 : at
    case 'key':
    case 'key or end':
      return closes && expecting === 'key or end' ? at + 1 : skip(text, json, at)
    case 'value':
    case 'value or end':
      if (char === '{' || char === '[' || (closes && expecting === 'value or end')) return at + 1
      return skip(char === '"' ? text : scalar, json, at)
  }
}

const expectedAfter = (char: string, expecting: Expecting, open: string[]): Expecting => {
  if (char === '{' || char === '[') {
    open.push(char)
    return char === '{' ? 'key or end' : 'value or end'
  }
  if (char === '}' || char === ']') {
    open.pop()
    return 'after'
  }
  if (expecting === 'key' || expecting === 'key or end') return 'colon'
  if (expecting === 'colon') return 'value'
  if (expecting !== 'after') return 'after'
  return open.at(-1) === '{' ? 'key' : 'value'
}
