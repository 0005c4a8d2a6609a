/**
 * What a command is told from outside, each value from the first place that has it: flags, then the environment, then the
 * endpoints of a running `writ up`, then defaults. The only place of the command line that reads the environment.
 */
import { WritError } from '../protocol/errors.ts'
import { ownerName } from '../protocol/ids.ts'

/** The flags that every command takes. */
export interface GlobalFlags {
  json?: boolean
  verbose?: boolean
  color?: boolean
  owner?: string
  natsUrl?: string
  natsCa?: string
  dataDir?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** A URL, and who named it: errors about it say so. */
export interface Named {
  url: string
  from: string
}

/** The environment of this process. */
export const environment: Environment = process.env

/** Inside a task: how it reaches its daemon, and what it works for. */
export interface InsideTask {
  socket: string
  token: string
  directive: string
}

export interface Settings {
  owner: string
  nats: Named | null
  /** The file with the certificates of who may sign those of the nats-server. */
  natsCa: string | null
  database: Named | null
  /** As named by flag or WRIT_HOME; undefined: the user's own. */
  dataDir: string | undefined
  insideTask: InsideTask | null
  env: Environment
}

/** Whether to colour at all, apart from what the streams are. */
export const mayColor = (flags: GlobalFlags, env: Environment): boolean =>
  flags.color !== false && !env['NO_COLOR'] && env['TERM'] !== 'dumb'

/** Reads all settings. Throws BAD_INPUT that lists every bad value at once. */
export const readSettings = (flags: GlobalFlags, env: Environment): Settings => {
  const faults: string[] = []
  const checked = <T>(from: string, read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      faults.push(`${from}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`)
      return undefined
    }
  }
  const owner = first(['--owner', flags.owner], ['WRIT_OWNER', env['WRIT_OWNER']])
  const nats = first(['--nats-url', flags.natsUrl], ['WRIT_NATS_URL', env['WRIT_NATS_URL']])
  const database = first(['WRIT_DATABASE_URL', env['WRIT_DATABASE_URL']])
  const settings: Settings = {
    owner: (owner && checked(owner.from, () => ownerName(owner.value))) ?? 'default',
    nats: (nats && checked(nats.from, () => urlFor(nats, natsSchemes))) ?? null,
    database: (database && checked(database.from, () => urlFor(database, databaseSchemes))) ?? null,
    natsCa: first(['--nats-ca', flags.natsCa], ['WRIT_NATS_CA', env['WRIT_NATS_CA']])?.value ?? null,
    dataDir: first(['--data-dir', flags.dataDir], ['WRIT_HOME', env['WRIT_HOME']])?.value,
    insideTask: insideTask(env),
    env,
  }
  if (faults.length === 0) return settings
  throw new WritError(
    'BAD_INPUT',
    `${faults.length === 1 ? 'a setting is' : `${faults.length} settings are`} not usable`,
    {
      faults,
    },
  )
}

export const natsSchemes = ['nats:', 'tls:', 'ws:', 'wss:'] as const
export const databaseSchemes = ['postgres:', 'postgresql:'] as const

/** Checks a URL's scheme (of the first, when there are several). Never repeats the URL: it may hold a password. */
export const urlFor = (given: { from: string; value: string }, schemes: readonly string[]): Named => {
  const [text = ''] = given.value.split(',')
  const url = URL.parse(text.includes('://') ? text : `${schemes[0] ?? ''}//${text}`)
  if (url === null || !schemes.includes(url.protocol)) {
    const form = `${schemes[0] ?? ''}//user:password@host:port`
    throw new WritError('BAD_INPUT', 'this is not such a URL', { hint: `as in ${form}` })
  }
  return { url: given.value, from: given.from }
}

/** A value that is set to nothing counts as not set. */
const first = (...places: [from: string, value: string | undefined][]): { from: string; value: string } | undefined => {
  for (const [from, value] of places) if (value !== undefined && value !== '') return { from, value }
  return undefined
}

const insideTask = (env: Environment): InsideTask | null => {
  const [socket, token] = [env['WRIT_SOCKET'], env['WRIT_TOKEN']]
  return socket && token ? { socket, token, directive: env['WRIT_DIRECTIVE'] ?? '' } : null
}

/** As connecting takes it. */
export const caOption = (ca: string | null): { caFile?: string } => (ca === null ? {} : { caFile: ca })

/** A URL as it may be shown: without its password. */
export const shown = (url: string): string => url.replaceAll(/(\/\/[^/@:,]+):[^/@,]*@/g, '$1@')
