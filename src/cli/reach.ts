/** The way to a node: which NATS server, as whom, and the client on top of it. */
import { WritClient } from '../bus/client.ts'
import { connect, type NatsBus } from '../bus/nats-bus.ts'
import { clientOf, inboxPrefixOfUrl } from '../bus/permissions.ts'
import { statsSubject } from '../bus/service.ts'
import { foundFolder, type Folders } from '../embedded/folders.ts'
import { servingOf, type Serving } from '../embedded/serving.ts'
import { until } from '../embedded/until.ts'
import { WritError } from '../protocol/errors.ts'
import { caOption, type Named, type Settings } from './config.ts'
import { refuseInsideTask } from './inside-task.ts'
import { nodeApi, type NodeApi } from './node-api.ts'
import { shown } from './shown-url.ts'
import { ensureUser, loginOf, tellUsersChanged } from './users.ts'

/** What is used of a connection. */
export type Connection = Pick<NatsBus, 'publish' | 'request' | 'gather' | 'subscribe' | 'flush' | 'consume' | 'close'>

export interface Link {
  bus: Connection
  api: NodeApi
  owner: string
  close: () => Promise<void>
}

/** How long a node may take to say that it is there, in ms. */
const nodeAnswerMs = 2_000
/** How long a server may take to learn of a user that was just made, in ms. */
const newUserMs = 12_000

/** Connects as a client of the owner. Throws UNREACHABLE, which names what was tried and what to do, or UNAUTHORIZED. */
export const reach = async (settings: Settings, log: (line: string) => void): Promise<Link> => {
  const { owner } = settings
  const bus = await connectAs(settings, { user: clientOf(owner).user, name: 'writ', log })
  await refuseAlone(settings, bus)
  return { bus, owner, api: nodeApi(new WritClient(bus, owner)), close: () => bus.close() }
}

/** A link by a URL with credentials, for a process that has just started the server. */
export const linkTo = async (url: string, { owner, nats, natsCa }: Settings): Promise<Link> => {
  const bus = await connectNamed(
    { url, from: 'writ up', ca: nats === null ? undefined : natsCa },
    'writ',
    () => undefined,
  )
  return { bus, owner, api: nodeApi(new WritClient(bus, owner)), close: () => bus.close() }
}

/** Connects as one user: with the credentials of a named URL, or as that user of the server of a running `writ up`. */
export const connectAs = async (
  settings: Settings,
  { user, name, log }: { user: string; name: string; log: (line: string) => void },
): Promise<Connection> => {
  if (settings.nats !== null) return connectNamed({ ...settings.nats, ca: settings.natsCa }, name, log)
  const folders = foldersOf(settings)
  const serving = servingOf(folders)
  if (serving === undefined) throw nobodyHere(folders)
  // A server of the person's own knows none of our users: its URL says who we are.
  if (inboxPrefixOfUrl(serving.nats) === undefined) {
    return connectNamed({ url: serving.nats, from: `the writ up of ${folders.root}`, ca: settings.natsCa }, name, log)
  }
  refuseCa(settings)
  return connectLocally(folders, serving, { user, name, log })
}

/** The private server has no certificate: whoever names who has signed it means another. Throws BAD_INPUT. */
export const refuseCa = ({ origins }: Settings): void => {
  if (origins.get('natsCa') !== '--nats-ca') return
  throw new WritError('BAD_INPUT', '--nats-ca is for a NATS server of your own, and this is the private one', {
    hint: 'leave it out, or name your server with --nats-url',
  })
}

/** Certificates of a file or variable may be meant for other servers: beside the private one they are only told of. */
export const unusedCa = ({ natsCa, origins }: Settings): string | null =>
  natsCa === undefined
    ? null
    : `${origins.get('natsCa') ?? ''} is not used: certificates are for a NATS server of your own, and this is the private one`

/** Connects by a URL that says who we are. Throws UNREACHABLE, which says who named it, and what else connecting throws. */
export const connectNamed = async (
  { url, from, ca }: Named & { ca: string | undefined },
  name: string,
  log: (line: string) => void,
): Promise<Connection> => {
  const inboxPrefix = inboxPrefixOfUrl(url)
  try {
    return await connect({ url, name, log, ...caOption(ca), ...(inboxPrefix === undefined ? {} : { inboxPrefix }) })
  } catch (error) {
    if (!(error instanceof WritError) || error.code !== 'UNREACHABLE') throw error
    throw new WritError('UNREACHABLE', `${error.message}; the address is from ${from}`, {
      hint: `start that server, or correct ${from}`,
      cause: error,
    })
  }
}

const connectLocally = async (
  folders: Folders,
  { nats, pid }: Serving,
  { user, name, log }: { user: string; name: string; log: (line: string) => void },
): Promise<Connection> => {
  ensureUser(folders, user)
  const login = loginOf(folders, nats, user)
  let last: unknown
  const attempt = (): Promise<Connection | undefined> =>
    connect({ ...login, name, log }).catch((error: unknown) => {
      last = error
      return unlessPassing(error)
    })
  const first = await attempt()
  if (first !== undefined) return first
  // The process that runs the server has not heard of this user yet.
  if (pid !== null) await tellUsersChanged(pid)
  const tried = await until(attempt, { withinMs: pid === null ? 0 : newUserMs, everyMs: 100 })
  if (tried !== undefined) return tried
  if (last instanceof WritError && last.code === 'UNREACHABLE') throw last
  const known = 'it then knows all users of its data folder'
  throw new WritError('UNAUTHORIZED', `the NATS server at ${shown(nats)} does not know the user ${user}`, {
    hint:
      pid === null
        ? `the \`writ up\` that ran it was killed; a new one takes it over: ${known}`
        : `start \`writ up\` anew: ${known}`,
  })
}

/** Refused, or left hanging by a server that takes in another user just now. */
const unlessPassing = (error: unknown): undefined => {
  if (error instanceof WritError && ['UNAUTHORIZED', 'UNREACHABLE'].includes(error.code)) return undefined
  throw error
}

/** The data folder of this call, where there is one: looking makes none. Throws UNAUTHORIZED inside a task: it is the person's. */
export const foldersOf = (settings: Settings): Folders => {
  refuseInsideTask(settings)
  const { dataDir, env } = settings
  return foundFolder({ dataDir, env })
}

/** Servers that a killed `writ up` left live on also where no other node is: what is asked there would be waited for in vain. */
const refuseAlone = async (settings: Settings, bus: Connection): Promise<void> => {
  if (settings.nats !== null) return
  const folders = foldersOf(settings)
  if (servingOf(folders)?.pid !== null || (await hasNode(bus))) return
  await bus.close()
  throw new WritError(
    'UNREACHABLE',
    `no node runs here: the writ up of the data folder ${folders.root} was killed; its servers live on, and no node answers there`,
    { hint: 'start one with `writ up`, which takes them over; `writ down` ends them' },
  )
}

/** Asked of whoever is there: its shards may be without anybody until it has taken over those of the killed one. */
const hasNode = async (bus: Connection): Promise<boolean> =>
  (await bus.gather(statsSubject, {}, { withinMs: nodeAnswerMs, stallMs: 1 })).length > 0

const nobodyHere = ({ root }: Folders): WritError =>
  new WritError(
    'UNREACHABLE',
    `no node runs here: nothing serves the data folder ${root}, and no NATS server was named`,
    {
      hint: 'start one with `writ up --daemon`, or name a server with --nats-url or WRIT_NATS_URL',
    },
  )
