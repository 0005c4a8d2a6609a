/** Finds the JSON in what an agent left in its contract's files: plain text, Markdown, or a document made of elements (R30). */

/** A part of a document. */
export interface TextElement {
  type: 'code' | 'paragraph' | 'markdown'
  text: string
}

/** The file to read, of names in listing order: the first that contains `eval` in any case, else the first; null without files. */
export const chooseFile = (names: readonly string[]): string | null =>
  names.find((name) => name.toLowerCase().includes('eval')) ?? names[0] ?? null

/**
 * The first JSON object or array in a file's text, or in elements; null when there is none. It is final, whatever it says:
 * an element that as a whole is JSON, else the first fenced block of JSON, else everything from the first brace on.
 */
export const findJson = (file: string | readonly TextElement[]): unknown => {
  const elements = typeof file === 'string' ? elementsOf(file) : file
  for (const element of elements) {
    const found = jsonOf(element.text) ?? (element.type === 'markdown' ? fencedJson(element.text) : null)
    if (found !== null) return found
  }
  const text = elements.map((element) => element.text).join('\n')
  const brace = text.indexOf('{')
  return brace === -1 ? null : jsonOf(text.slice(brace))
}

/** JSON that opens with `{` or `[` and parses as a whole; else null. */
const jsonOf = (text: string): object | null => {
  const whole = text.trim()
  return whole.startsWith('{') || whole.startsWith('[') ? (parsed(whole) as object | null) : null
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A fence of three or more backticks or tildes, closed by one at least as long of the same kind. */
const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n]*$/

const fencedJson = (text: string): object | null => {
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const [, mark, language = ''] = fence.exec(lines[at] ?? '') ?? []
    if (mark === undefined) continue
    const end = closing(lines, at + 1, mark)
    const found = language.toLowerCase() === 'json' ? jsonOf(lines.slice(at + 1, end).join('\n')) : null
    if (found !== null) return found
    at = end
  }
  return null
}

const closing = (lines: readonly string[], from: number, mark: string): number => {
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? '').trim()
    if (line.startsWith(mark) && /^(`+|~+)$/.test(line)) return at
  }
  return lines.length
}

const kinds: ReadonlySet<unknown> = new Set(['code', 'paragraph', 'markdown'])

/** A text that is a JSON document of elements is read as those; every other text is one element of Markdown. */
const elementsOf = (text: string): readonly TextElement[] => {
  const json = text.includes('"type"') ? jsonOf(text) : null
  const list: unknown = Array.isArray(json) ? json : json !== null && 'elements' in json ? json.elements : null
  const elements = Array.isArray(list) ? list.map(elementOf) : []
  const known = elements.filter((element) => element !== null)
  return known.length > 0 && known.length === elements.length ? known : [{ type: 'markdown', text }]
}

const elementOf = (value: unknown): TextElement | null => {
  if (typeof value !== 'object' || value === null) return null
  const { type, text, content = text } = value as Record<string, unknown>
  return kinds.has(type) && typeof content === 'string' ? { type: type as TextElement['type'], text: content } : null
}
