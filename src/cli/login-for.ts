/** How a program other than ours connects as a client of the owner, a daemon or a node: to the server that this call would use. */
import { clientOf, daemonUser, inboxPrefixOf, inboxPrefixOfUrl, nodeUser } from '../bus/permissions.ts'
import { servingOf } from '../embedded/serving.ts'
import { WritError } from '../protocol/errors.ts'
import { caOption, type Settings } from './config.ts'
import { connectAs, foldersOf } from './reach.ts'
import { shown } from './shown-url.ts'
import { loginOf, type Login } from './users.ts'

/** Whose login is wanted: with neither, that of a client of the owner. */
export interface Who {
  daemon?: string
  node?: boolean
}

/** Tries the login before it is given out. Throws what connecting throws, REFUSED when a server of the person's own was named as another user. */
export const loginFor = async (settings: Settings, who: Who = {}): Promise<Login> => {
  const user = userOf(settings.owner, who)
  const isClient = who.daemon === undefined && who.node !== true
  const named = (url: string): Login => loginNamed(url, isClient ? null : user, settings.natsCa)
  if (settings.nats !== null) return named(settings.nats.url)
  const folders = foldersOf(settings)
  const server = servingOf(folders)?.nats
  if (server !== undefined && inboxPrefixOfUrl(server) === undefined) return named(server)
  const connection = await connectAs(settings, { user, name: 'writ env', log: () => undefined })
  await connection.close()
  return loginOf(folders, server ?? '', user)
}

const userOf = (owner: string, { daemon, node = false }: Who): string => {
  if (node) return nodeUser
  return daemon === undefined ? clientOf(owner).user : daemonUser(owner, daemon)
}

/** A URL that a person named says itself who that is. */
const loginNamed = (url: string, user: string | null, ca: string | undefined): Login => {
  const inboxPrefix = inboxPrefixOfUrl(url)
  if (user === null || inboxPrefix === inboxPrefixOf(user))
    return { url, ...caOption(ca), ...(inboxPrefix === undefined ? {} : { inboxPrefix }) }
  throw new WritError(
    'REFUSED',
    `the credentials of ${user} are in the configuration of ${shown(url)}, which is yours`,
    {
      hint: 'put them into WRIT_NATS_URL',
    },
  )
}
