/** What differs between two values of JSON, field by field. */

export interface Change {
  /** As `task.attempt`, `waitsFor.0`; empty for the whole. */
  path: string
  /** Absent: it was not there before, or is not after. */
  before?: unknown
  after?: unknown
}

/** Lists and objects are looked through; anything else differs as a whole. */
export const changesOf = (before: unknown, after: unknown, path = ''): Change[] => {
  if (Object.is(before, after)) return []
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after))
    return [{ path, before, after }]
  const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const at = path === '' ? key : `${path}.${key}`
    if (!is.has(key)) return [{ path: at, before: was.get(key) }]
    return was.has(key) ? changesOf(was.get(key), is.get(key), at) : [{ path: at, after: is.get(key) }]
  })
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null
