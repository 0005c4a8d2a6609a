/**
 * What a command is told from outside, each value from the first place that has it: flags, then the environment, then the
 * files of the project and of the user. The only place of the command line that reads the environment.
 */
import { configFiles } from './config-files.ts'
import { configSchema, settings, type Config } from './config-schema.ts'
import { environmentSource, fileSource, flagSource, put, valueAt } from './config-sources.ts'
import { WritError } from '../protocol/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment of this process. */
export const environment: Environment = process.env

/** A URL, and who named it: errors about it say so. */
export interface Named {
  url: string
  from: string
}

/** Inside a task: how it reaches its daemon, and what it works for. */
export interface InsideTask {
  socket: string
  token: string
  directive: string
}

export interface Settings extends Config {
  nats: Named | null
  database: Named | null
  insideTask: InsideTask | null
  env: Environment
  /** Who said so, for each value that somebody did say, by its place. */
  origins: ReadonlyMap<string, string>
  /** The configuration files that were read. */
  files: readonly string[]
}

/** Reads all settings; `flags`: what was written, by place. Throws BAD_INPUT that lists every bad value of all places at once. */
export const readSettings = (
  flags: ReadonlyMap<string, readonly string[]>,
  { env, cwd }: { env: Environment; cwd: string },
): Settings => {
  const inside = insideTask(env)
  // What a task works on may bring files along, and a login shell the person's variables: they are not for the command in its hands.
  const files = inside === null ? configFiles(cwd, env) : []
  const around = inside === null ? [environmentSource(env), ...files.map(fileSource)] : []
  const sources = [flagSource(flags), ...around]
  refuse(sources.flatMap(({ faults }) => faults))
  const origins = new Map<string, string>()
  const merged: Record<string, unknown> = {}
  for (const { place } of settings) {
    const source = sources.find(({ value }) => valueAt(value, place) !== undefined)
    if (source === undefined) continue
    origins.set(place, source.origin(place))
    put(merged, place, valueAt(source.value, place))
  }
  const config = configSchema.parse(merged)
  const named = (place: 'natsUrl' | 'databaseUrl'): Named | null => {
    const url = config[place]
    return url === undefined ? null : { url, from: origins.get(place) ?? place }
  }
  return { ...config, nats: named('natsUrl'), database: named('databaseUrl'), insideTask: inside, env, origins, files }
}

/** The file of certificates as connecting takes it. */
export const caOption = (ca: string | undefined): { caFile?: string } => (ca === undefined ? {} : { caFile: ca })

const refuse = (faults: readonly string[]): void => {
  if (faults.length === 0) return
  const many = faults.length === 1 ? 'a setting is' : `${faults.length} settings are`
  throw new WritError('BAD_INPUT', `${many} not usable`, { faults })
}

const insideTask = (env: Environment): InsideTask | null => {
  const [socket, token] = [env['WRIT_SOCKET'], env['WRIT_TOKEN']]
  return socket && token ? { socket, token, directive: env['WRIT_DIRECTIVE'] ?? '' } : null
}
