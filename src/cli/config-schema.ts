/**
 * Every setting, once: the schema of the configuration files, and beside each setting how else it is named, what holds
 * without it, and what it means. Options, docs/configuration.md and `writ config show` are made from it.
 */
import { z } from 'zod'
import { roles } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { chosenId, ownerName } from '../protocol/ids.ts'
import { daemonDiskBytes, daemonSlotsMax, leaseMs, leaseMsMax, leaseMsMin } from '../protocol/limits.ts'
import { type About, about, checked, last, list, number, pairs, whole } from './config-about.ts'
import { readKept } from './kept.ts'
import { shown } from './shown-url.ts'

const GiB = 1024 ** 3
const threadsMax = 64
const portMax = 65_535
const diskMax = 1_000_000
const slotsDefault = 2
const msPerSecond = 1000

/** Looks at the scheme of each server's URL. What is wrong with it is told without repeating it: it may hold a password. */
const url = (schemes: readonly [string, ...string[]], { hosts }: { hosts: 'one' | 'several' }) =>
  checked((text) => {
    for (const part of hosts === 'one' ? [text] : text.split(',')) {
      // NATS clients take a host alone; the driver of Postgres does not.
      const parsed = URL.parse(part.includes('://') || hosts === 'one' ? part : `${schemes[0]}//${part}`)
      if (parsed !== null && schemes.includes(parsed.protocol)) continue
      throw new WritError('BAD_INPUT', 'this is not such a URL', {
        hint: `as in ${schemes[0]}//user:password@host:port`,
      })
    }
  })

/** Where a server listens, or null for nowhere. Throws BAD_INPUT. */
export const placeOf = (text: string): { host: string; port: number } | null => {
  if (text === 'off') return null
  const [, bracketed, host, port] = /^(?:(?:\[(.+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? []
  if (port !== undefined && Number(port) <= portMax)
    return { host: bracketed ?? host ?? '127.0.0.1', port: Number(port) }
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} is no place to listen`, {
    hint: 'a port, host:port, or off',
  })
}

const originOf = (text: string): void => {
  if (URL.parse(text)?.origin === text) return
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} is no origin`, {
    hint: 'as in https://example.org, without a path',
  })
}

const pairError = 'write it as key=value'
const words = (text: string): string[] => text.split(/\s+/).filter((part) => part !== '')
const program = z
  .union([z.string().transform(words), z.array(z.string())], {
    error: 'write it as name=program or name="program arguments"',
  })
  .refine((argv) => argv.length > 0, 'names no program')

const daemonShape = {
  name: checked((text) => chosenId('daemon', text))
    .optional()
    .register(about, {
      flag: '--name <name>',
      variable: 'WRIT_DAEMON_NAME',
      otherwise: 'the name of this machine',
      text: "a daemon's name, one token; that of `up --daemon` is always local",
      read: last,
    }),
  slots: whole(0, daemonSlotsMax)
    .default(slotsDefault)
    .register(about, {
      flag: '--slots <n>',
      variable: 'WRIT_DAEMON_SLOTS',
      unit: 'tasks',
      otherwise: String(slotsDefault),
      text: 'how many tasks a daemon runs at once',
      read: number,
    }),
  roles: z
    .array(z.enum(roles, { error: `a role is one of ${roles.join(', ')}` }))
    .min(1)
    .default([...roles])
    .register(about, {
      flag: '--role <role>',
      variable: 'WRIT_DAEMON_ROLES',
      otherwise: 'all',
      text: 'planner, worker, evaluator or merger',
      read: list,
      repeats: true,
    }),
  labels: z
    .record(z.string().min(1), z.string({ error: pairError }))
    .default({})
    .register(about, {
      flag: '--label <key=value>',
      variable: 'WRIT_DAEMON_LABELS',
      otherwise: 'none but host',
      text: 'what tasks may ask for',
      read: pairs,
      repeats: true,
    }),
  executors: z.record(z.string().min(1), program).default({}).register(about, {
    flag: '--executor <name=program>',
    variable: null,
    otherwise: 'none but those of its own',
    text: 'an executor more: a program that gets the plan on standard input',
    read: pairs,
    repeats: true,
  }),
  env: z.array(z.string().min(1)).default([]).register(about, {
    flag: '--env <name>',
    variable: null,
    otherwise: 'none',
    text: "variables of the daemon's environment that tasks see as well",
    read: list,
    repeats: true,
  }),
  gitConfig: z
    .array(z.string().regex(/^[^=]+=/, pairError))
    .default([])
    .register(about, {
      flag: '--git-config <key=value>',
      variable: null,
      otherwise: 'none',
      text: 'settings for git: a credential helper, say',
      read: list,
      repeats: true,
      shown: (value) => (value as string[]).map((pair) => `${pair.slice(0, pair.indexOf('='))}=…`),
    }),
  disk: whole(1, diskMax)
    .default(daemonDiskBytes / GiB)
    .register(about, {
      flag: '--disk <GiB>',
      variable: 'WRIT_DAEMON_DISK',
      unit: 'GiB',
      otherwise: String(daemonDiskBytes / GiB),
      text: 'what workspaces, logs and clones may take together',
      read: number,
    }),
  home: z.string().min(1).optional().register(about, {
    flag: '--home <folder>',
    variable: 'WRIT_DAEMON_HOME',
    otherwise: '`daemons/<name>` in the data folder that was named, else in `$XDG_DATA_HOME/writ`',
    text: 'where `daemon run` keeps its records and workspaces',
    read: last,
    path: true,
  }),
}

/** What `text` says is kept for so long. */
const kept = (place: 'directives' | 'events' | 'journals', otherwise: string, text: string) =>
  checked(readKept)
    .default(otherwise)
    .register(about, {
      flag: `--keep-${place} <time>`,
      variable: `WRIT_KEEP_${place.toUpperCase()}`,
      otherwise,
      text: `${text}: a span as in 90d or 12h, or forever`,
      read: last,
    })

const retentionShape = {
  directives: kept(
    'directives',
    '90d',
    'how long directives are kept once they have ended, with all that belongs to them',
  ),
  events: kept('events', '90d', 'how long events are kept of directives that are there'),
  journals: kept('journals', '90d', 'how long it is kept what actors took, of those that are there'),
}

const shape = {
  owner: checked(ownerName).default('default').register(about, {
    flag: '--owner <name>',
    variable: 'WRIT_OWNER',
    otherwise: 'default',
    text: 'whose directives',
    read: last,
  }),
  dataDir: z.string().min(1).optional().register(about, {
    flag: '--data-dir <folder>',
    variable: 'WRIT_HOME',
    otherwise: '`$XDG_DATA_HOME/writ/default`, or ~/.local/share/writ/default',
    text: 'the data folder',
    read: last,
    path: true,
  }),
  natsUrl: url(['nats:', 'tls:', 'ws:', 'wss:'], { hosts: 'several' })
    .optional()
    .register(about, {
      flag: '--nats-url <url>',
      variable: 'WRIT_NATS_URL',
      otherwise: 'that of the running `writ up`',
      text: 'your own nats-server, 2.10 or newer, with JetStream',
      read: last,
      shown: (value) => shown(String(value)),
    }),
  natsCa: z.string().min(1).optional().register(about, {
    flag: '--nats-ca <file>',
    variable: 'WRIT_NATS_CA',
    otherwise: 'those that the system trusts',
    text: "certificates (PEM) that sign your nats-server's; asks for TLS",
    read: last,
    path: true,
  }),
  databaseUrl: url(['postgres:', 'postgresql:'], { hosts: 'one' })
    .optional()
    .register(about, {
      flag: '--database-url <url>',
      variable: 'WRIT_DATABASE_URL',
      otherwise: 'a private one',
      text: 'your own Postgres, 14 or newer',
      read: last,
      shown: (value) => shown(String(value)),
    }),
  threads: whole(1, threadsMax).optional().register(about, {
    flag: '--threads <n>',
    variable: 'WRIT_THREADS',
    unit: 'threads',
    otherwise: 'one per core',
    text: 'worker threads of a node',
    read: number,
  }),
  lease: whole(leaseMsMin / msPerSecond, leaseMsMax / msPerSecond)
    .default(leaseMs / msPerSecond)
    .register(about, {
      flag: '--lease <seconds>',
      variable: 'WRIT_LEASE',
      unit: 'seconds',
      otherwise: String(leaseMs / msPerSecond),
      text: 'how long a node that says nothing any more keeps its shards, before others take them',
      read: number,
    }),
  http: checked(placeOf).optional().register(about, {
    flag: '--http <place>',
    variable: 'WRIT_HTTP',
    otherwise: 'a free port of this machine alone',
    text: 'where the inspector of a node listens: a port, host:port, or off',
    read: last,
  }),
  httpOrigins: z.array(checked(originOf)).default([]).register(about, {
    flag: '--http-origin <origin>',
    variable: null,
    otherwise: 'none but its own',
    text: 'pages that may connect to the inspector, as https://host',
    read: list,
    repeats: true,
  }),
}

/** Of a file, and of what all places say together. */
export const configSchema = z.strictObject({
  ...shape,
  retention: z.strictObject(retentionShape).prefault({}),
  daemon: z.strictObject(daemonShape).prefault({}),
})
export type Config = z.output<typeof configSchema>

/** Where a setting stands in a file. */
export type Place =
  | keyof typeof shape
  | `retention.${keyof typeof retentionShape}`
  | `daemon.${keyof typeof daemonShape}`

export interface Setting extends About {
  place: string
}

const settingsIn = (group: Record<string, z.ZodType>, above: string): Setting[] =>
  Object.entries(group).flatMap(([key, schema]) => {
    const known = about.get(schema)
    return known === undefined ? [] : [{ place: `${above}${key}`, ...known }]
  })

/** In the order of the documentation. */
export const settings: readonly Setting[] = [
  ...settingsIn(shape, ''),
  ...settingsIn(retentionShape, 'retention.'),
  ...settingsIn(daemonShape, 'daemon.'),
]
