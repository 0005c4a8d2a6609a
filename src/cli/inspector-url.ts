/** The address of a running node's inspector, with the token of an owner: whoever has it sees that owner's actors. */
import { join } from 'node:path'
import { readEndpoints } from '../embedded/endpoints.ts'
import type { Folders } from '../embedded/folders.ts'
import { keptSecret } from '../embedded/private-file.ts'
import { tokenOf } from '../http/gate.ts'
import type { Selection } from '../protocol/inspection.ts'
import { WritError } from '../protocol/errors.ts'

const secretName = 'inspector'

/** What tokens are made of on this data folder. */
export const inspectorSecret = ({ secrets }: Folders): string => keptSecret(secrets, secretName)

/** Where that is kept. */
export const inspectorSecretFile = ({ secrets }: Folders): string => join(secrets, secretName)

/** Throws UNREACHABLE when no node of this data folder has one. */
export const inspectorUrl = (
  folders: Folders,
  owner: string,
  selection: Selection & Record<string, string | number | undefined>,
): string => {
  const http = readEndpoints(folders)?.http
  if (http === undefined)
    throw new WritError('UNREACHABLE', `no inspector listens for the data folder ${folders.root}`, {
      hint: 'start a node with `writ up`, without --http off',
    })
  const url = new URL('/inspect', http.replace(/^http/, 'ws'))
  if (owner !== 'default') url.searchParams.set('owner', owner)
  url.searchParams.set('token', tokenOf(inspectorSecret(folders), owner))
  for (const [name, value] of Object.entries(selection))
    if (value !== undefined) url.searchParams.set(name, String(value))
  return url.href
}
