/** A YAML or JSON text whose parts know where they stand, so that what is wrong with one is told with line and column. */
import { isCollection, isPair, isScalar, Lexer, LineCounter, parseDocument, Parser, type Document } from 'yaml'
import type { z } from 'zod'
import { jsonDepthMax } from '../protocol/limits.ts'
import { issueWords } from '../protocol/issue-words.ts'

type Path = readonly PropertyKey[]

export interface LocatedText {
  value: unknown
  /** `name:line:column` of what stands there, else of the nearest thing around it. */
  at: (path: Path) => string
}

/** Reads the text; when it is neither YAML nor JSON, what comes back are the faults, with their places. */
export const readLocated = (name: string, text: string): LocatedText | { faults: readonly string[] } => {
  const lines = new LineCounter()
  const deep = tooDeepAt(text)
  if (deep !== null) {
    const before = text.slice(0, deep).split('\n')
    const place = `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
    return { faults: [`${place}: it is nested deeper than ${jsonDepthMax} levels`] }
  }
  const document = parseDocument(text, { lineCounter: lines })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const broken = document.errors.map((error) => `${place(error.pos[0])}: ${firstLine(error.message)}`)
  if (broken.length > 0) return { faults: broken }
  try {
    const value = document.toJS({ maxAliasCount: 100 }) as unknown
    return { value, at: (path) => place(offsetOf(document, path)) }
  } catch (cause) {
    return { faults: [cause instanceof Error ? cause.message : String(cause)] }
  }
}

/** Where the text goes deeper than a message may; null when it does not. Looked for without the recursion of what reads it. */
const tooDeepAt = (text: string): number | null => {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) continue
    const tooDeep = parser.stack.filter(({ type }) => levels.has(type))[jsonDepthMax]
    if (tooDeep !== undefined) return 'offset' in tooDeep ? tooDeep.offset : parser.offset
  }
  return null
}

const levels = new Set(['block-map', 'block-seq', 'flow-collection'])

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')

export interface Fault {
  path: Path
  message: string
  /** The message with what it is about. */
  text: string
}

/** What a schema has found, a fault for each key: one that is unknown is told where it is, not where its parent begins. */
export const faultsIn = (
  error: z.ZodError,
  { whole, unknown }: { whole: string; unknown: (path: Path) => string },
): Fault[] => {
  const fault = (path: Path, message: string): Fault => {
    const about = path.length === 0 ? whole : path.map(String).join('.')
    return { path, message, text: `${about}: ${message}` }
  }
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => fault([...issue.path, key], unknown([...issue.path, key])))
      : [fault(issue.path, issueWords(issue.message))],
  )
}

/** Where in the text something stands: its key, else the nearest thing around it that is there. */
const offsetOf = (document: Document, path: Path): number => {
  let node: unknown = document.contents
  let offset = rangeStart(node) ?? 0
  for (const part of path) {
    if (!isCollection(node)) return offset
    const pair: unknown = node.items.find((item, index) =>
      isPair(item) ? isScalar(item.key) && item.key.value === part : index === part,
    )
    if (pair === undefined) return offset
    offset = rangeStart(isPair(pair) ? pair.key : pair) ?? offset
    node = isPair(pair) ? pair.value : pair
  }
  return offset
}

const rangeStart = (node: unknown): number | undefined => {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  const { range } = node as { range: readonly number[] | null | undefined }
  return range?.[0]
}
