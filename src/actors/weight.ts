/** What a value weighs in a commit, roughly, in bytes: its texts, and something for each number, name and brace. */
export const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return 2 + Buffer.byteLength(value)
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null) return 8
  let sum = 2
  const of = value as Record<string, unknown>
  for (const key of Object.keys(of)) sum += 4 + key.length + weightOf(of[key])
  return sum
}
