/** Registries as a survey reads them: each owner's, whether its actor is there or only its tables. */
import type { ActorColumns, RegistryPart } from '../actors/ports/survey.ts'
import type { DaemonRow, GrantRow } from '../actors/ports/registry-rows.ts'
import type { Reading } from './survey.ts'

export const readRegistries = async (sql: Reading): Promise<RegistryPart[]> => {
  const actors = await sql<ActorColumns[]>`
    select key, shard, owner, id, kind, directive, version, machine, machine_version, status, ended, waiting, since, facts
    from writ.actors where kind = 'registry' order by key`
  const daemons = await sql<DaemonRow[]>`select * from writ.daemons order by owner, name`
  const grants = await sql<GrantRow[]>`select * from writ.grants order by owner, id`
  const owners = new Set([...actors, ...daemons, ...grants].map(({ owner }) => owner))
  return [...owners].map((owner) => ({
    owner,
    actor: actors.find((row) => row.owner === owner) ?? null,
    daemons: daemons.filter((row) => row.owner === owner),
    grants: grants.filter((row) => row.owner === owner),
  }))
}
