/**
 * A directive as a person writes it, YAML or JSON: read, checked (every fault at once, with line and column) and completed
 * with what follows from where it stands: paths that begin with ./ or ../ are looked up from the file's folder.
 */
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isCollection, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { parsePlan } from '../machines/plan.ts'
import { directiveInput, isRepositoryUrl, roles, type DirectiveInput, type Needs } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import type { Plan } from '../protocol/plan.ts'
import { readTextFile, shownName } from './text-file.ts'

export interface DirectiveFile {
  /** The folder that relative paths start from. */
  folder: string
  input: DirectiveInput
  /** As the node will read it; null when the file brings none. */
  plan: Plan | null
  /** The repository, when it is a path that begins with ./ or ../: absolute. */
  localRepository: string | null
}

type Path = readonly PropertyKey[]

/** Reads the file at `path`; `-` is standard input. Throws BAD_INPUT with `file:line:column: …` for every fault, TOO_LARGE. */
export const readDirectiveFile = (path: string, cwd: string): DirectiveFile => {
  const name = shownName(path)
  const text = readTextFile(path, cwd)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const broken = document.errors.map((error) => `${at(error.pos[0])}: ${firstLine(error.message)}`)
  if (broken.length > 0) throw faulty(name, broken)
  const checked = directiveInput.safeParse(plainValue(document, name))
  if (!checked.success) {
    throw faulty(
      name,
      checked.error.issues.flatMap((issue) =>
        faultsOf(issue).map((fault) => `${at(offsetOf(document, fault.path))}: ${fault.text}`),
      ),
    )
  }
  // What was written is sent, not what the schema made of it: filling in defaults is the node's.
  const input = plainValue(document, name) as DirectiveInput
  const read = input.plan === undefined ? { plan: null } : parsePlan(input.plan, { evaluate: checked.data.evaluate })
  if ('faults' in read) {
    throw faulty(
      name,
      read.faults.map((fault) => `${at(offsetOf(document, placeOf(fault)))}: plan: ${fault}`),
    )
  }
  const folder = path === '-' ? cwd : dirname(resolve(cwd, path))
  return { ...complete(input, folder), plan: read.plan }
}

/** The step that a plan's fault begins with, else the plan. */
const placeOf = (fault: string): Path => {
  const [, index] = /^steps\[(\d+)\]/.exec(fault) ?? []
  return index === undefined ? ['plan'] : ['plan', 'steps', Number(index)]
}

const plainValue = (document: Document, name: string): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch (cause) {
    throw faulty(name, [cause instanceof Error ? cause.message : String(cause)])
  }
}

const faulty = (name: string, faults: readonly string[]): WritError => {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
  return new WritError('BAD_INPUT', `${name} has ${count}`, {
    faults,
    hint: 'nothing was sent; see examples/ for whole files',
  })
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')

/** An unknown key is told where the key is, not where its parent begins. */
const faultsOf = (issue: z.core.$ZodIssue): { path: Path; text: string }[] => {
  const place = (path: Path): string => (path.length === 0 ? 'the directive' : path.map(String).join('.'))
  if (issue.code !== 'unrecognized_keys')
    return [{ path: issue.path, text: `${place(issue.path)}: ${plainly(issue.message)}` }]
  return issue.keys.map((key) => ({
    path: [...issue.path, key],
    text: `${place([...issue.path, key])}: there is no such key`,
  }))
}

/** A key that is not there has no value to complain about. */
const plainly = (message: string): string =>
  message
    .replace(/^Invalid input: expected (\w+), received undefined$/, 'is missing ($1)')
    .replace(/^Invalid input: /, '')

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

const isRelative = (text: string): boolean => /^\.\.?\//.test(text)

const complete = (input: DirectiveInput, folder: string): Omit<DirectiveFile, 'plan'> => {
  const absolute = (text: string): string => (isRelative(text) ? resolve(folder, text) : text)
  const { repository, needs } = input
  const local = repository !== undefined && !isRepositoryUrl(repository) && !isScpLike(repository)
  const completed = roles.map((role) => [role, needOf(needs?.[role], { absolute, here: local })] as const)
  const wanted = Object.fromEntries(completed.filter(([, need]) => need !== undefined))
  return {
    folder,
    input: {
      ...input,
      ...(repository === undefined ? {} : { repository: absolute(repository) }),
      ...(Object.keys(wanted).length === 0 ? {} : { needs: wanted }),
    },
    localRepository: repository !== undefined && isRelative(repository) ? absolute(repository) : null,
  }
}

/** `git@host:path` is a URL for git, too. */
const isScpLike = (repository: string): boolean => /^[^/]+:/.test(repository)

/** As daemons write the name of their host into their label. */
const hostLabel = (): string =>
  hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'localhost'

/** What only this machine has (a path of its own) is only for daemons of this machine, which say so by their label `host`. */
const needOf = (
  need: Needs | undefined,
  { absolute, here }: { absolute: (text: string) => string; here: boolean },
): Needs | undefined => {
  const command = need?.command?.map(absolute)
  const local = here || command?.some((part, at) => part !== need?.command?.[at]) === true
  const host = local ? { host: hostLabel() } : {}
  const labels = { ...host, ...need?.labels }
  if (need === undefined && !local) return undefined
  return {
    ...need,
    ...(command === undefined ? {} : { command }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  }
}
