/** What is never shown: one list of names of fields, and one of patterns in texts, for the logs, the inspector and every view of a snapshot. */

/** A field is secret when its name ends in one of these, whatever its case and its dashes: `clientSecret`, `api_key`. */
export const secretNames = [
  'nonce',
  'seed',
  'token',
  'password',
  'passwords',
  'passwd',
  'secret',
  'secrets',
  'authorization',
  'credential',
  'credentials',
  'apikey',
  'accesskey',
  'privatekey',
  'cookie',
] as const

/** What stands in place of a secret. */
export const redacted = '[redacted]'

/** Objects nested deeper are shown as this. */
const depthMax = 50
const tooDeep = '[nested too deep]'

/**
 * A login in a URL, a bearer token, and tokens that say what they are. Of a scheme only its last character is looked at: from each
 * letter of a long word on the whole of it would be looked for, which takes minutes for what is a megabyte long.
 */
const inText: readonly (readonly [RegExp, string])[] = [
  [/([a-z0-9+.-]:\/\/)(?!git@)[^\s/@]+@/gi, `$1${redacted}@`],
  [/\b(bearer\s+)[\w.~+/=-]{8,}/gi, `$1${redacted}`],
  [/\b(?:sk-|gh[opusr]_|github_pat_|xox[abprs]-|AKIA)[\w-]{12,}/g, redacted],
]

const isSecret = (name: string): boolean => {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  return secretNames.some((secret) => plain.endsWith(secret))
}

const redactText = (text: string): string =>
  inText.reduce((shown, [pattern, instead]) => shown.replaceAll(pattern, instead), text)

/**
 * The same without secrets: fields by their names, logins and tokens in texts. Plain objects and lists are looked through; anything
 * else (dates, errors, bytes) is left as it is. An empty or absent secret stays: that there is none is no secret.
 */
export const withoutSecrets = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return depth < depthMax ? value.map((each) => withoutSecrets(each, depth + 1)) : tooDeep
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  if (depth >= depthMax) return tooDeep
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, hide(name, each) ?? withoutSecrets(each, depth + 1)]),
  )
}

/** Undefined: it is no secret. */
const hide = (name: string, value: unknown): string | undefined => {
  const isNone = value === null || value === undefined || value === '' || typeof value === 'boolean'
  return !isNone && isSecret(name) ? redacted : undefined
}
