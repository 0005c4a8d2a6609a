/**
 * A directive as a person writes it, YAML or JSON: read, checked (every fault at once, with line and column) and completed
 * with what follows from where it stands: paths that begin with ./ or ../ are looked up from the file's folder.
 */
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parsePlan } from '../machines/plan.ts'
import { directiveInput, isRepositoryUrl, roles, type DirectiveInput, type Needs } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { chosenId } from '../protocol/ids.ts'
import type { Plan } from '../protocol/plan.ts'
import { faultsIn, readLocated } from './located-text.ts'
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

/** Reads the file at `path`; `-` is standard input. Throws BAD_INPUT with `file:line:column: …` for every fault, TOO_LARGE. */
export const readDirectiveFile = async (path: string, cwd: string): Promise<DirectiveFile> => {
  const name = shownName(path)
  const located = readLocated(name, await readTextFile(path, cwd))
  if ('faults' in located) throw faulty(name, located.faults)
  const { value, at } = located
  const folder = path === '-' ? cwd : dirname(resolve(cwd, path))
  const checked = directiveInput.safeParse(withRepositoryFrom(folder, value))
  if (!checked.success) {
    const found = faultsIn(checked.error, { whole: 'the directive', unknown: () => 'there is no such key' })
    throw faulty(
      name,
      found.map((fault) => `${at(fault.path)}: ${fault.text}`),
    )
  }
  // What was written is sent, not what the schema made of it: filling in defaults is the node's.
  const input = value as DirectiveInput
  const read = input.plan === undefined ? { plan: null } : parsePlan(input.plan, { evaluate: checked.data.evaluate })
  if ('faults' in read) {
    throw faulty(
      name,
      read.faults.map((fault) => `${at(placeOf(fault))}: plan: ${fault}`),
    )
  }
  return { ...complete(input, folder), plan: read.plan }
}

/** The step that a plan's fault begins with, else the plan. */
const placeOf = (fault: string): PropertyKey[] => {
  const [, index] = /^steps\[(\d+)\]/.exec(fault) ?? []
  return index === undefined ? ['plan'] : ['plan', 'steps', Number(index)]
}

const faulty = (name: string, faults: readonly string[]): WritError => {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
  return new WritError('BAD_INPUT', `${name} has ${count}`, {
    faults,
    hint: 'nothing was sent; see examples/ for whole files',
  })
}

/** The wire takes no path that depends on where one stands. */
const withRepositoryFrom = (folder: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'repository' in value && typeof value.repository === 'string'
    ? { ...value, repository: isRelative(value.repository) ? resolve(folder, value.repository) : value.repository }
    : value

/** What is sent under an id that was chosen on the command line, else in the file. Throws BAD_INPUT for what is no id. */
export const withId = (input: DirectiveInput, flag: string | undefined): DirectiveInput => {
  const id = flag ?? input.id
  return id === undefined ? input : { ...input, id: chosenId('the directive id', id) }
}

const isRelative = (text: string): boolean => /^\.\.?\//.test(text)

const complete = (input: DirectiveInput, folder: string): Omit<DirectiveFile, 'plan'> => {
  const absolute = (text: string): string => (isRelative(text) ? resolve(folder, text) : text)
  const { repository, needs } = input
  const local = repository !== undefined && !isRepositoryUrl(repository)
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
