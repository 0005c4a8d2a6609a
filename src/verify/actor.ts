/** One actor: whether its snapshot is what its journal makes of it, and whether its columns say what its snapshot says. */
import { unpackSnapshot } from '../actors/codec.ts'
import { isStoredAs } from '../actors/fold.ts'
import { factsOf } from '../actors/facts.ts'
import type { ActorColumns } from '../actors/ports/survey.ts'
import { isOver, type Live, load, machineNameOf, same, statusOf, store, waitingFor } from '../machines/advance.ts'
import type { Catalog } from '../machines/versions.ts'
import { displayable, displayableJson } from '../persistence/displayable.ts'
import { actorKey, directiveOf, kindOf, readKey, shardOf } from '../protocol/ids.ts'
import type { History } from './history.ts'
import { type State, stateOf } from './state.ts'
import { shortly, type Tell } from './tell.ts'

/** What can be opened here, and whether live nodes know a machine, by `name@version`. */
export interface KnownMachines {
  machines: Catalog
  isElsewhere: (machine: string) => boolean
}

/** The state of an actor; null when it cannot be opened here, and is looked at no further. `history`: null when it was not, or cannot be, folded. */
export const checkActor = (
  row: ActorColumns,
  snapshot: Uint8Array | undefined,
  history: History | null,
  known: KnownMachines,
  tell: Tell,
): State | null => {
  checkPlace(row, tell)
  const live = opened(row, snapshot, known, tell)
  if (history !== null) checkHistory(row, snapshot, history, tell)
  if (live === null) return null
  if (history !== null) checkMachine(row, live, history, tell)
  try {
    checkColumns(row, live, tell)
    return stateOf(live, history)
  } catch (error) {
    // Its machine opens it and does not look into it: what it remembers may still be no state of that machine.
    tellUnreadable(row, error, tell)
    return null
  }
}

const tellUnreadable = ({ key, machine, machineVersion }: ActorColumns, error: unknown, tell: Tell): void => {
  const why = error instanceof Error ? error.message : String(error)
  tell('snapshot-unreadable', 'actors', key, why, `a state of ${machine}@${machineVersion}`)
}

const checkPlace = (row: ActorColumns, tell: Tell): void => {
  const { owner, id } = readKey(row.key)
  const kind = kindOf(id)
  const directive = kind === 'registry' ? null : actorKey(owner, directiveOf(id))
  const right = { owner, id, kind, directive, shard: shardOf(owner, id) }
  for (const name of ['owner', 'id', 'kind', 'directive', 'shard'] as const)
    if (row[name] !== right[name])
      tell('wrong-place', 'actors', row.key, `${name} ${String(row[name])}`, `${name} ${String(right[name])}`)
}

const opened = (
  row: ActorColumns,
  snapshot: Uint8Array | undefined,
  { machines, isElsewhere }: KnownMachines,
  tell: Tell,
): Live | null => {
  const { key, machine, machineVersion: version } = row
  const name = `${machine}@${version}`
  if (!machines.knows(machine, version)) {
    if (!isElsewhere(name))
      tell(
        'machine-unknown',
        'actors',
        key,
        `the machine ${name}`,
        'a version of Writ that knows it, or another machine',
      )
    return null
  }
  try {
    if (snapshot !== undefined) return load({ machine, version, ...unpackSnapshot(snapshot) }, machines)
  } catch (error) {
    tellUnreadable(row, error, tell)
  }
  return null
}

const checkHistory = (
  { key, version }: ActorColumns,
  snapshot: Uint8Array | undefined,
  history: History,
  tell: Tell,
): void => {
  if (history.disorder !== null)
    tell(
      'journal-order',
      'journal',
      `${key} ${history.disorder}`,
      'an entry from before the one before it',
      'a later one',
    )
  if (history.live === null || history.version !== version || snapshot === undefined) return
  const agrees = attempt(() => isStoredAs(history.live as Live, snapshot))
  if (agrees === false)
    tell('journal-differs', 'actors', key, differenceOf(snapshot), differenceOf(snapshot, history.live))
}

/** Two versions may remember the same, and go on otherwise. */
const checkMachine = ({ key, version }: ActorColumns, live: Live, history: History, tell: Tell): void => {
  if (history.live === null || history.version !== version) return
  const [is, should] = [machineNameOf(live), machineNameOf(history.live)]
  if (is !== should) tell('journal-differs', 'actors', key, `the machine ${is}`, `${should}, by its journal`)
}

const attempt = <T>(run: () => T): T | null => {
  try {
    return run()
  } catch {
    return null
  }
}

/** What is not the same in a snapshot and a state, in words: the value, or the fields. */
const differenceOf = (snapshot: Uint8Array, live?: Live): string => {
  const stored = unpackSnapshot(snapshot)
  return live === undefined
    ? shortly(stored.value)
    : `${shortly(store(live).value)}, by its journal; ${fieldsOf(stored, live)}`
}

const fieldsOf = ({ context }: ReturnType<typeof unpackSnapshot>, live: Live): string => {
  const should = store(live).context
  const names = [...new Set([...Object.keys(context), ...Object.keys(should)])]
  const other = names.filter((name) => !same(plain(context[name]), plain(should[name])))
  return other.length === 0
    ? 'all fields are the same'
    : `other are: ${other.map((name) => `${name} ${shortly(should[name])}`).join(', ')}`
}

const plain = (value: unknown): unknown => (value === undefined ? null : JSON.parse(JSON.stringify(value)))

const checkColumns = (row: ActorColumns, live: Live, tell: Tell): void => {
  const waiting = waitingFor(live)
  const right = {
    status: statusOf(live),
    ended: isOver(live),
    waiting: waiting === null ? null : displayable(waiting),
    facts: JSON.parse(
      displayableJson(factsOf({ row: { ...row, snapshot: new Uint8Array() }, live, parked: null })),
    ) as object,
  }
  for (const name of ['status', 'ended', 'waiting', 'facts'] as const)
    if (!same(row[name], right[name]))
      tell('columns-differ', 'actors', row.key, `${name} ${shortly(row[name])}`, `${name} ${shortly(right[name])}`)
}
