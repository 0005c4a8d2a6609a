/** What `writ verify` would say of the simulated store: the same checks, over its tables as they are after a commit. */
import type { ActorRow } from '../../src/actors/ports/rows.ts'
import type { DirectivePart, EventCount } from '../../src/actors/ports/survey.ts'
import type { Finding } from '../../src/protocol/findings.ts'
import { type ActorKey, actorKey, directiveKeyOf, registryId } from '../../src/protocol/ids.ts'
import { checkActor } from '../../src/verify/actor.ts'
import { checkDirective } from '../../src/verify/directive.ts'
import { checkRegistry } from '../../src/verify/slots.ts'
import type { History } from '../../src/verify/history.ts'
import type { State } from '../../src/verify/state.ts'
import type { Tell } from '../../src/verify/tell.ts'
import { allMachines } from './builds.ts'
import type { Fold } from './fold.ts'
import type { Tables } from './tables.ts'

/** Everything that is wrong with a directive. */
export const verifyDirective = (tables: Tables, fold: Fold, key: ActorKey): Finding[] => {
  const found: Finding[] = []
  const tell = tellTo(found)
  const actors = [...tables.actors.values()].filter((row) => row.directive === key)
  const part = partOf(tables, key, actors)
  if (part === null) return found
  const states = new Map<ActorKey, State>()
  for (const row of actors) {
    const state = stateOf(row, fold.histories.get(row.key) ?? null, found)
    if (state !== null) states.set(row.key, state)
  }
  checkDirective(part, states, tell)
  return found
}

/** Rows of actors that nothing was wrong with, beside their histories as they were then: a row is never changed, so nothing is now. */
const sound = new WeakMap<ActorRow, { state: State; history: History | null; version: number | undefined }>()

const stateOf = (row: ActorRow, history: History | null, found: Finding[]): State | null => {
  const known = sound.get(row)
  if (known?.history === history && known.version === history?.version) return known.state
  const before = found.length
  const state = checkActor(
    row,
    row.snapshot,
    history,
    { machines: allMachines, isElsewhere: () => false },
    tellTo(found),
  )
  if (state !== null && found.length === before) sound.set(row, { state, history, version: history?.version })
  return state
}

const tellTo =
  (found: Finding[]): Tell =>
  (code, table, key, what, right) =>
    void found.push({ code, table, key, found: what, right })

export const verifyRegistry = (tables: Tables, owner: string): Finding[] => {
  const found: Finding[] = []
  const of = <T extends { owner: string }>(table: ReadonlyMap<string, T>): T[] =>
    [...table.values()].filter((row) => row.owner === owner)
  const part = { owner, actor: null, daemons: of(tables.daemons), grants: of(tables.grants) }
  checkRegistry(part, tellTo(found))
  return found
}

const partOf = (tables: Tables, key: ActorKey, actors: readonly ActorRow[]): DirectivePart | null => {
  const row = tables.directives.get(key)
  if (row === undefined) return null
  const isOf = (actor: ActorKey): boolean => directiveKeyOf(actor) === key
  const of = <T extends { directive: ActorKey }>(table: ReadonlyMap<unknown, T>): T[] =>
    [...table.values()].filter(({ directive }) => directive === key)
  const registry = actorKey(row.owner, registryId)
  const events = of(tables.events)
  const chains = of(tables.chains)
  return {
    directive: {
      key,
      title: row.title,
      definition: JSON.stringify(row.definition),
      plan: row.plan,
      steps: row.steps,
      forgotten: tables.forgotten.get(key) ?? 0,
    },
    actors,
    faulted: [...tables.faulted.keys()].filter(isOf),
    parked: tables.parked.filter(({ actor, from }) => isOf(actor) || (actor === registry && from === key)),
    chains,
    plans: [...new Set([row.plan, ...chains.map(({ hash }) => hash)])].flatMap((hash) => {
      const plan = hash === null ? undefined : tables.plans.get(hash)
      const steps = plan?.rows.length ?? 0
      return hash === null || plan === undefined ? [] : [{ hash, steps, complete: true, rows: steps }]
    }),
    timers: [...tables.timers.values()].filter((timer) => isOf(timer.key)),
    tasks: of(tables.tasks),
    attempts: of(tables.attempts),
    evaluations: of(tables.evaluations),
    events: countsOf(events),
    lastEvent: events.reduce((most, { sequence }) => Math.max(most, sequence), 0),
    ready: of(tables.ready),
    held: of(tables.held),
    grants: of(tables.grants),
    need: tables.needs.get(key) ?? null,
    mail: [...tables.messages.values()].filter(({ to, from }) => isOf(to) || (to === registry && from === key)),
  }
}

const countsOf = (events: readonly { step: number | null; type: string }[]): EventCount[] => {
  const counts = new Map<string, EventCount>()
  for (const { step, type } of events) {
    const name = `${step} ${type}`
    counts.set(name, { step, type, count: (counts.get(name)?.count ?? 0) + 1 })
  }
  return [...counts.values()]
}
