/** An actor's row as a commit carries it: the snapshot in bytes, with the columns that lists read. */
import { isOver, statusOf, store, waitingFor } from '../machines/advance.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, kindOf, readKey, shardOf } from '../protocol/ids.ts'
import { packSnapshot } from './codec.ts'
import { factsOf } from './facts.ts'
import type { Host } from './host.ts'
import type { ActorRow } from './ports/rows.ts'

/** Of an actor that begins: before its first commit. `at`: ms since 1970. */
export const newRow = (key: ActorKey, directive: ActorKey | null, at: number): ActorRow => {
  const { owner, id } = readKey(key)
  return {
    ...{ key, owner, id, kind: kindOf(id), shard: shardOf(owner, id), directive },
    ...{ version: 0, machine: '', machineVersion: '', snapshot: new Uint8Array() },
    ...{ status: '', ended: false, waiting: null, since: at, facts: {} },
  }
}

export const sealRow = (host: Host, key: ActorKey, version: number): ActorRow => {
  const { memory } = host
  const resident = memory.actors.get(key)
  if (resident?.live == null) throw new WritError('INTERNAL', `${key} changed and is not in memory`)
  const { machine, version: machineVersion, value, context } = store(resident.live)
  const status = statusOf(resident.live)
  const waiting = waitingFor(resident.live)
  const same = status === resident.row.status && waiting === resident.row.waiting
  const row: ActorRow = {
    ...resident.row,
    version,
    machine,
    machineVersion,
    snapshot: packSnapshot(value, context),
    status,
    ended: isOver(resident.live),
    waiting,
    since: same ? resident.row.since : host.now(),
    facts: factsOf(resident),
  }
  memory.actors.set(key, { ...resident, row })
  return row
}
