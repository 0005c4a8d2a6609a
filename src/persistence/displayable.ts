/**
 * Text that Postgres can hold in `text` and `jsonb`: NUL and lone surrogates, which it refuses, become U+FFFD. One agent's
 * stray byte would otherwise be a message that no commit can ever take.
 */

const replacement = '\uFFFD'
/** Matches more than it must (an escaped backslash before `u0000`, a whole pair written as escapes): then nothing is replaced. */
const suspicious = /\\u(?:0000|d[89a-f])/i

/** Half of a pair, or NUL: what may have to be replaced. Hardly any text has it, and to look is much less than to replace. */
const unheld = /[\uD800-\uDFFF\0]/

/** A text, with what cannot be held replaced. */
export const displayable = (text: string): string => (unheld.test(text) ? replaced(text) : text)

const replaced = (text: string): string =>
  // The first pattern is a whole pair, which stays.
  text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]|\0/g, (found) =>
    found.length === 2 ? found : replacement,
  )

/** As JSON that `jsonb` takes. Only what needs it is walked a second time. */
export const displayableJson = (value: unknown): string => {
  const json = JSON.stringify(value)
  return suspicious.test(json) ? JSON.stringify(cleaned(JSON.parse(json))) : json
}

const cleaned = (value: unknown): unknown => {
  if (typeof value === 'string') return displayable(value)
  if (Array.isArray(value)) return value.map(cleaned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [displayable(key), cleaned(entry)]))
}
