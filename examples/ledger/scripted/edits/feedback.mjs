// Reads a failing check's output out of a prompt: where a test of the project shows two texts that differ, it prints
// a line `expected: "…"` and under it a line `actual: "…"`, both as JSON.

const text = String.raw`("(?:[^"\\]|\\.)*")`
const pair = new RegExp(String.raw`\bexpected: +${text}\W*\n\W*\bactual: +${text}`, 'g')

/** The pairs of texts that differ, each once. None when the prompt has no such output. */
export function comparisons(prompt) {
  const found = new Set([...prompt.matchAll(pair)].map(([, expected, actual]) => `[${expected},${actual}]`))
  return [...found].map((both) => JSON.parse(both)).map(([expected, actual]) => ({ expected, actual }))
}
