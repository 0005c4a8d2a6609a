/**
 * `writ verify`: a file-system check for state. Every journal is folded and held against its snapshot, and what is stored beside
 * it against what the machines say. One part of a survey is in memory at a time: some small directives, or one large one.
 */
import type { ActorColumns, DirectivePart, Survey } from '../actors/ports/survey.ts'
import { isCheckpoint } from '../actors/checkpoint.ts'
import { unpack } from '../actors/codec.ts'
import type { JournalEntry } from '../actors/draft.ts'
import { type Defined, directiveSettings } from '../actors/settings.ts'
import { catalog } from '../machines/catalog.ts'
import type { Catalog } from '../machines/versions.ts'
import type { Definition } from '../protocol/directive.ts'
import type { Finding } from '../protocol/findings.ts'
import { type ActorKey, actorKey, readStepId, registryId } from '../protocol/ids.ts'
import { findingsMax } from '../protocol/limits.ts'
import { checkActor } from './actor.ts'
import { checkDirective } from './directive.ts'
import { History, settingsOf } from './history.ts'
import { checkPlans } from './plans.ts'
import { checkRegistry } from './slots.ts'
import type { State } from './state.ts'
import { shortly, type Tell } from './tell.ts'

export interface VerifyOptions {
  /** Only this one; null: everything. */
  directive: ActorKey | null
  /** No journal is read: only what statements can find out. */
  quick: boolean
  /** What is opened and folded with; the machines of this build when left out. */
  machines?: Catalog | undefined
  /** Is told now and then how far it is. */
  progress?: (done: { directives: number; of: number; actors: number }) => void
}

/** What was found, at most `findingsMax`; `more`: there is more than that. */
export interface Verified {
  findings: readonly Finding[]
  more: boolean
  directives: number
  actors: number
}

/** Of directives whose steps are together as many as this, one part is made; of the actors in it so many are folded at a time. */
const partSteps = 2000
const partDirectives = 200
const foldedActors = 100

export const verify = async (survey: Survey, options: VerifyOptions): Promise<Verified> => {
  const checking = new Checking(survey, options)
  await checking.run()
  return checking.verified
}

class Checking {
  readonly #survey: Survey
  readonly #options: VerifyOptions
  readonly #found = new Map<string, Finding>()
  #more = false
  #directives = 0
  #actors = 0

  constructor(survey: Survey, options: VerifyOptions) {
    this.#survey = survey
    this.#options = options
  }

  get verified(): Verified {
    return { findings: [...this.#found.values()], more: this.#more, directives: this.#directives, actors: this.#actors }
  }

  async run(): Promise<void> {
    const { directive, quick } = this.#options
    if (directive !== null) return this.#parts([directive])
    await this.#survey.crossChecks((found) => found.forEach((each) => this.#keep(each)))
    if (quick) {
      const { directives, actors } = await this.#survey.size()
      this.#directives = directives
      this.#actors = actors
      return
    }
    await this.#registries()
    await this.#allDirectives()
  }

  /** Statements and machines may find the same thing: it is told once. */
  #keep(finding: Finding): void {
    const name = `${finding.code} ${finding.table} ${finding.key}`
    if (this.#found.has(name)) return
    if (this.#found.size >= findingsMax) this.#more = true
    else this.#found.set(name, finding)
  }

  readonly #tell: Tell = (code, table, key, found, right) => this.#keep({ code, table, key, found, right })

  async #allDirectives(): Promise<void> {
    const { directives: of } = await this.#survey.size()
    let after = ''
    for (;;) {
      const page = await this.#survey.directives(after, partDirectives)
      for (const keys of partsOf(page)) {
        await this.#parts(keys)
        this.#options.progress?.({ directives: this.#directives, of, actors: this.#actors })
      }
      const last = page.at(-1)
      if (last === undefined || page.length < partDirectives) return
      after = last.key
    }
  }

  async #parts(keys: readonly ActorKey[]): Promise<void> {
    const parts = await this.#survey.parts(keys)
    const known = parts.map((part): Known => ({ part, defined: definedOf(part, this.#tell), states: new Map() }))
    const actors = known.flatMap((of) => of.part.actors.map((row) => ({ row, of })))
    for (let at = 0; at < actors.length; at += foldedActors) await this.#states(actors.slice(at, at + foldedActors))
    for (const { part, states } of known) checkDirective(part, states, this.#tell)
    this.#directives += parts.length
    const whole = parts.flatMap(({ plans }) => plans.filter(({ complete, steps, rows }) => complete && steps === rows))
    await checkPlans(this.#survey, new Set(whole.map(({ hash }) => hash)), this.#tell)
    for (const { owner, contract, name, hash } of await this.#survey.badContents(keys)) {
      const key = `${actorKey(owner, contract)} ${name}`
      this.#tell('content-differs', 'files', key, 'another content', `one with the hash ${hash}`)
    }
  }

  async #states(actors: readonly { row: ActorColumns; of: Known }[]): Promise<void> {
    const settings = await this.#settings(actors)
    const states = new Map<ActorKey, State>()
    const rows = actors.map(({ row }) => row)
    await this.#fold(rows, ({ key }) => settings.get(key), states)
    for (const { row, of } of actors) {
      const state = states.get(row.key)
      if (state !== undefined) of.states.set(row.key, state)
    }
  }

  /** The settings of each actor; those whose definition or plan is not there have none. */
  async #settings(actors: readonly { row: ActorColumns; of: Known }[]): Promise<Map<ActorKey, unknown>> {
    const steps = actors.flatMap(({ row, of }) => {
      const step = readStepId(row.id)
      const chain = of.part.chains.find(({ generation }) => generation === step?.generation)
      return step === null || chain === undefined ? [] : [{ key: row.key, hash: chain.hash, index: step.index }]
    })
    const found = await this.#survey.planRows(steps.map(({ hash, index }) => ({ hash, index })))
    const planned = new Map(found.map(({ hash, index, row }) => [`${hash} ${index}`, row]))
    const places = new Map(steps.map(({ key, hash, index }) => [key, `${hash} ${index}`]))
    const settings = new Map<ActorKey, unknown>()
    for (const { row, of } of actors) {
      const place = places.get(row.key)
      const step = place === undefined ? undefined : planned.get(place)
      const isStep = readStepId(row.id) !== null
      if (of.defined === null || (isStep && step === undefined)) continue
      try {
        settings.set(row.key, settingsOf(row.key, of.defined, step ?? null))
      } catch {
        this.#tell('plan-incomplete', 'plan_steps', places.get(row.key) ?? row.key, shortly(step), 'a step of a plan')
      }
    }
    return settings
  }

  async #fold(
    rows: readonly ActorColumns[],
    settings: (row: ActorColumns) => unknown,
    states: Map<ActorKey, State>,
  ): Promise<void> {
    const keys = rows.map(({ key }) => key)
    const snapshots = await this.#survey.snapshots(keys)
    const { machines = catalog } = this.#options
    const isKnown = ({ machine, machineVersion }: ActorColumns): boolean => machines.knows(machine, machineVersion)
    const folding = new Map(
      rows.map((row) => [
        row.key,
        new Folding(row, isKnown(row) ? settings(row) : undefined, { machines, tell: this.#tell }),
      ]),
    )
    await this.#survey.journals(keys, ({ key, version, entries }) => folding.get(key)?.take(version, entries))
    const known = { machines, isElsewhere: (machine: string): boolean => this.#survey.machines.includes(machine) }
    for (const row of rows) {
      const history = folding.get(row.key)?.end() ?? null
      const state = checkActor(row, snapshots.get(row.key), history, known, this.#tell)
      if (state !== null) states.set(row.key, state)
    }
    this.#actors += rows.length
  }

  async #registries(): Promise<void> {
    for (const part of await this.#survey.registries()) {
      checkRegistry(part, this.#tell)
      if (part.actor !== null) await this.#fold([part.actor], () => ({}), new Map())
      else if (part.daemons.length > 0)
        this.#tell('actor-missing', 'daemons', actorKey(part.owner, registryId), 'daemons', 'their registry')
    }
  }
}

/** A directive with what is known of it so far. */
interface Known {
  part: DirectivePart
  defined: Defined | null
  states: Map<ActorKey, State>
}

/** Directives in their order, so many in each part that their steps are not too many together. */
const partsOf = (page: readonly { key: ActorKey; steps: number }[]): ActorKey[][] => {
  const parts: ActorKey[][] = []
  let room = 0
  for (const { key, steps } of page) {
    const last = parts.at(-1)
    if (last === undefined || steps > room) parts.push([key])
    else last.push(key)
    room = (last === undefined || steps > room ? partSteps : room) - steps
  }
  return parts
}

const definedOf = ({ directive: { key, definition, plan, steps } }: DirectivePart, tell: Tell): Defined | null => {
  try {
    const readyPlan = plan === null ? null : { hash: plan, steps }
    const defined = { definition: JSON.parse(definition) as Definition, readyPlan }
    directiveSettings(defined)
    return defined
  } catch {
    tell('columns-differ', 'directives', key, `the definition ${shortly(definition)}`, 'a definition, as JSON')
    return null
  }
}

/** What came before a checkpoint may have been dropped. */
const beginsAnew = (bytes: Uint8Array): boolean => {
  try {
    const [first] = unpack(bytes) as JournalEntry[]
    return first !== undefined && isCheckpoint(first)
  } catch {
    return false
  }
}

/** The journal of one actor as it comes in, until something is wrong with it. */
class Folding {
  readonly #row: ActorColumns
  readonly #history: History | null
  readonly #tell: Tell
  #isBroken = false
  #next = 1

  /** `settings`: undefined when there are none; then it is only counted. */
  constructor(row: ActorColumns, settings: unknown, { machines, tell }: { machines: Catalog; tell: Tell }) {
    this.#row = row
    this.#history = settings === undefined ? null : new History(row.key, { settings, machines })
    this.#tell = tell
  }

  take(version: number, bytes: Uint8Array): void {
    const isFirst = this.#next === 1
    if (version !== this.#next && !(isFirst && beginsAnew(bytes)))
      this.#gap(`version ${version} after version ${this.#next - 1}`)
    this.#next = version + 1
    if (this.#isBroken) return
    try {
      this.#history?.take(version, unpack(bytes) as JournalEntry[])
    } catch (error) {
      this.#isBroken = true
      const why = error instanceof Error ? error.message : String(error)
      this.#tell('journal-unreadable', 'journal', `${this.#row.key} ${version}`, why, 'entries that its machine takes')
    }
  }

  /** What the journal makes of the actor; null when it is not whole. */
  end(): History | null {
    if (this.#next !== this.#row.version + 1) this.#gap(`the last version is ${this.#next - 1}`)
    return this.#isBroken ? null : this.#history
  }

  /** Of what does not follow on itself only the first thing is told. */
  #gap(found: string): void {
    if (this.#isBroken) return
    this.#isBroken = true
    const { key, version } = this.#row
    this.#tell('journal-gap', 'journal', key, found, `versions 1 to ${version}, each once`)
  }
}
