/** How a program other than ours connects as a client of the owner, or as a daemon: to the server that this call would use. */
import { clientOf, daemonUser, inboxPrefixOfUrl } from '../bus/permissions.ts'
import { readEndpoints } from '../embedded/endpoints.ts'
import { WritError } from '../protocol/errors.ts'
import { caOption, type Settings } from './config.ts'
import { connectAs, foldersOf } from './reach.ts'
import { shown } from './shown-url.ts'
import { loginOf, type Login } from './users.ts'

/** Tries the login before it is given out. Throws what connecting throws, REFUSED for a daemon's on a server of the person's own. */
export const loginFor = async (settings: Settings, daemon: string | null): Promise<Login> => {
  const { owner } = settings
  const user = daemon === null ? clientOf(owner).user : daemonUser(owner, daemon)
  const named = (url: string): Login => loginNamed(url, daemon === null ? null : user, settings.natsCa)
  if (settings.nats !== null) return named(settings.nats.url)
  const folders = foldersOf(settings)
  const server = readEndpoints(folders)?.nats
  if (server !== undefined && inboxPrefixOfUrl(server) === undefined) return named(server)
  const connection = await connectAs(settings, { user, name: 'writ env', log: () => undefined })
  await connection.close()
  return loginOf(folders, server ?? '', user)
}

/** A URL that a person named says itself who that is. */
const loginNamed = (url: string, user: string | null, ca: string | undefined): Login => {
  const inboxPrefix = inboxPrefixOfUrl(url)
  if (user === null || inboxPrefix === `_INBOX_${user}`)
    return { url, ...caOption(ca), ...(inboxPrefix === undefined ? {} : { inboxPrefix }) }
  throw new WritError(
    'REFUSED',
    `the credentials of ${user} are in the configuration of ${shown(url)}, which is yours`,
    {
      hint: 'put them into WRIT_NATS_URL',
    },
  )
}
