/** What a value weighs in a commit, roughly, in bytes: its texts, and something for each number, name and brace. */
export const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return 2 + Buffer.byteLength(value)
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null) return 8
  let sum = 2
  for (const [key, each] of Object.entries(value)) sum += 4 + key.length + weightOf(each)
  return sum
}
