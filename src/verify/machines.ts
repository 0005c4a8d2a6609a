/**
 * `writ machines check`: what the machines of this build would do with the snapshots that are stored, before it is deployed.
 * Each is opened as a node would open it; nothing is told to it, and nothing is changed.
 */
import { isCheckpoint, readCheckpoint } from '../actors/checkpoint.ts'
import { unpack, unpackJournal, unpackSnapshot } from '../actors/codec.ts'
import { deskTypes } from '../actors/desk-mail.ts'
import type { ActorRow, JournalRow, TimerRow } from '../actors/ports/rows.ts'
import type { DefinedColumns, MailColumns, Survey } from '../actors/ports/survey.ts'
import { type Live, load, same, store, type Stored, timersOf } from '../machines/advance.ts'
import { catalog } from '../machines/catalog.ts'
import { migrated, takenUp } from '../machines/migrate.ts'
import type { Catalog } from '../machines/versions.ts'
import type { Definition } from '../protocol/directive.ts'
import { type ActorKey, readKey, readStepId } from '../protocol/ids.ts'
import type { PlanRow } from '../protocol/plan.ts'
import { grouped } from './grouped.ts'
import { settingsOf } from './history.ts'
import { shortly } from './tell.ts'

/**
 * What would become of an actor. `parked`: its machine is not known, or does not open its snapshot, or its migration to the newest version
 * fails. `changed`: opened and stored
 * again, its snapshot would be another one. `timers`: it waits for others than are stored. `messages`: some that wait for it mean nothing to it.
 * `journal`: what it was cannot be told any more, for its journal begins on a machine that is not known, or cannot be read.
 */
export const machineProblems = ['parked', 'changed', 'timers', 'messages', 'journal'] as const
export type MachineProblem = (typeof machineProblems)[number]

/** A machine with what is stored under it. */
export interface MachineLine {
  /** `<name>@<version>`. */
  machine: string
  known: boolean
  actors: number
  /** How many of those would come to harm. */
  harmed: number
}

/** The same problem of so many actors; the keys of the first few. */
export interface MachineHarm {
  machine: string
  problem: MachineProblem
  why: string
  actors: number
  first: readonly ActorKey[]
}

export interface MachinesChecked {
  machines: readonly MachineLine[]
  harms: readonly MachineHarm[]
}

const pageActors = 200
const firstMax = 5
/** Kinds of harm are few, unless each actor is damaged in its own way. */
const harmsMax = 1000

/** Messages that the engine takes in an actor's stead. */
const ofTheEngine: ReadonlySet<string> = new Set([...deskTypes, 'relay', 'published'])
const ofRegistries: ReadonlySet<string> = new Set(['open', 'need', 'release', 'holding'])

/** `machines`: of another build than this one, for tests. */
export const checkMachines = async (
  survey: Survey,
  all: boolean,
  machines: Catalog = catalog,
): Promise<MachinesChecked> => {
  const lines = new Map<string, MachineLine>()
  const harms = new Map<string, MachineHarm>()
  for (let after = ''; ;) {
    const rows = await survey.actors(after, pageActors, all)
    const keys = rows.map(({ key }) => key)
    const timers = grouped(await survey.timers(keys), ({ key }) => key)
    const mail = grouped(await survey.mail(keys), ({ to }) => to)
    const moved = rows.filter((row) => machines.wayFrom(row.machine, row.machineVersion, machines.known).length > 0)
    const settings = await settingsOfThose(survey, moved)
    const begun = grouped(await survey.beginnings(keys), ({ key }) => key)
    for (const row of rows) {
      const machine = `${row.machine}@${row.machineVersion}`
      const { key } = row
      const rest = { begun: begun.get(key)?.[0], settings: settings.get(key) }
      const its = { timers: timers.get(key) ?? [], mail: mail.get(key) ?? [], ...rest }
      const found = harmOf({ row, ...its }, machines)
      count(lines, { machine, known: machines.knows(row.machine, row.machineVersion), isHarmed: found.length > 0 })
      for (const [problem, why] of found) keep(harms, { machine, problem, why, actors: 1, first: [key] })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageActors) break
    after = last.key
  }
  return { machines: [...lines.values()], harms: [...harms.values()] }
}

const count = (
  lines: Map<string, MachineLine>,
  { machine, known, isHarmed }: { machine: string; known: boolean; isHarmed: boolean },
): void => {
  const { actors, harmed } = lines.get(machine) ?? { actors: 0, harmed: 0 }
  lines.set(machine, { machine, known, actors: actors + 1, harmed: harmed + Number(isHarmed) })
}

const keep = (harms: Map<string, MachineHarm>, harm: MachineHarm): void => {
  const name = `${harm.machine} ${harm.problem} ${harm.why}`
  const known = harms.get(name)
  if (known !== undefined)
    harms.set(name, {
      ...known,
      actors: known.actors + 1,
      first: known.first.length < firstMax ? [...known.first, ...harm.first] : known.first,
    })
  else if (harms.size < harmsMax) harms.set(name, harm)
}

type Found = [problem: MachineProblem, why: string][]

interface WithIts {
  row: ActorRow
  timers: readonly TimerRow[]
  mail: readonly MailColumns[]
  /** The first row of its journal. */
  begun: JournalRow | undefined
  /** Of one that would migrate, if what they follow from is there. */
  settings: unknown
}

const harmOf = ({ row, timers, mail, begun, settings }: WithIts, machines: Catalog): Found => {
  if (!machines.knows(row.machine, row.machineVersion)) return [['parked', 'this version does not know the machine']]
  const live = opened(row, machines)
  if (typeof live === 'string') return [['parked', `its snapshot cannot be opened: ${live}`]]
  return [
    ...changes(row, live),
    ...timerChanges(live, timers),
    ...unknownMail(row, mail, machines),
    ...migrationFaults(live, machines, settings),
    ...lostBeginning(row, begun, machines),
  ]
}

const opened = ({ machine, machineVersion: version, snapshot }: ActorRow, machines: Catalog): Live | string => {
  try {
    return load({ machine, version, ...unpackSnapshot(snapshot) }, machines)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const changes = ({ snapshot }: ActorRow, live: Live): Found => {
  const before = unpackSnapshot(snapshot)
  const after = store(live)
  const names = new Set([...Object.keys(before.context), ...Object.keys(after.context)])
  const other = [...names].filter((name) => !same(before.context[name], after.context[name]))
  const value: Found = same(before.value, after.value)
    ? []
    : [['changed', `the state ${shortly(before.value)} becomes ${shortly(after.value)}`]]
  return other.length === 0 ? value : [...value, ['changed', `of what it remembers are lost: ${other.join(', ')}`]]
}

const timerChanges = (live: Live, rows: readonly TimerRow[]): Found => {
  const [awaited, stored] = [timersOf(live), rows.map(({ id }) => id)]
  const missing = awaited.filter((id) => !stored.includes(id))
  const stray = stored.filter((id) => !awaited.includes(id))
  return [
    ...missing.map((id): Found[number] => ['timers', `it waits for ${id}, which is not set`]),
    ...stray.map((id): Found[number] => ['timers', `${id} is set, and it does not wait for it`]),
  ]
}

const unknownMail = (
  { machine, machineVersion, kind }: ActorRow,
  mail: readonly MailColumns[],
  machines: Catalog,
): Found => {
  const events: readonly string[] = machines.machineOf(machine, machineVersion).events
  const isKnown = (type: string): boolean =>
    events.includes(type) || (kind === 'registry' ? ofRegistries.has(type) : ofTheEngine.has(type))
  const unknown = new Set(mail.map(typeOf).filter((type) => type === null || !isKnown(type)))
  return [...unknown].map((type) => [
    'messages',
    type === null ? 'a message cannot be read' : `it has no answer to ${type}`,
  ])
}

const settingsOfThose = async (survey: Survey, rows: readonly ActorRow[]): Promise<ReadonlyMap<ActorKey, unknown>> => {
  const defined = rows.length === 0 ? [] : await survey.defined(rows.map(({ key }) => key))
  return new Map(defined.map((columns) => [columns.key, settingsIn(columns)]))
}

/** Undefined where what is stored is no definition, or no step of a plan: `writ verify` tells that. */
const settingsIn = ({ key, definition, plan, steps, step }: DefinedColumns): unknown => {
  if (definition === null || (step === null && readStepId(readKey(key).id) !== null)) return undefined
  try {
    const readyPlan = plan === null ? null : { hash: plan, steps }
    const defined = { definition: JSON.parse(definition) as Definition, readyPlan }
    return settingsOf(key, defined, step === null ? null : (JSON.parse(step) as PlanRow))
  } catch {
    return undefined
  }
}

/** As if every node were of this build. */
const migrationFaults = (live: Live, machines: Catalog, settings: unknown): Found => {
  try {
    const after = migrated(live, machines.known, machines)
    if (after !== null && settings !== undefined)
      takenUp(live, load(after, machines), { at: 0, seed: 'check', settings })
    return []
  } catch (error) {
    return [['parked', error instanceof Error ? error.message : String(error)]]
  }
}

/** Nobody folds it then: it is not replayed, not looked through, and not cut. */
const lostBeginning = (row: ActorRow, begun: JournalRow | undefined, machines: Catalog): Found => {
  try {
    const name = begun === undefined ? null : beginningOf(row, begun)
    if (name === null || machines.known.includes(name)) return []
    return [['journal', `its journal begins on ${name}, which this version does not know`]]
  } catch (error) {
    return [['journal', `its journal cannot be read: ${error instanceof Error ? error.message : String(error)}`]]
  }
}

const beginningOf = ({ kind }: ActorRow, { entries }: JournalRow): string | null => {
  const [first] = unpackJournal(entries)
  if (first === undefined) return null
  return isCheckpoint(first) ? machineOf(readCheckpoint(first)) : (first.machine ?? `${kind}@1`)
}

const machineOf = ({ machine, version }: Stored): string => `${machine}@${version}`

const typeOf = ({ body }: MailColumns): string | null => {
  try {
    const message = (body === null ? null : unpack(body)) as { type?: unknown } | null
    return typeof message?.type === 'string' ? message.type : null
  } catch {
    return null
  }
}
