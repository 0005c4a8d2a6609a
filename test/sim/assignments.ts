/**
 * Who is given what (R39, R41): a grant, and an attempt on it, are on a daemon that has what the task needs, as the registry had
 * it when it granted; and nothing more urgent waited that the daemon could have been given instead. What is needed is read from
 * plans and definitions, in words of its own.
 */
import { requirementOf } from '../../src/actors/desk.ts'
import type { DaemonRow, GrantRow, NeedLine, NeedRow } from '../../src/actors/ports/registry-rows.ts'
import type { AttemptRow, Commit, ReadyRow } from '../../src/actors/ports/rows.ts'
import type { Needs } from '../../src/protocol/directive.ts'
import { type ActorKey, actorKey, readKey, readStepId } from '../../src/protocol/ids.ts'
import type { Offer, Want } from '../../src/protocol/needs.ts'
import type { Tables } from './tables.ts'
import type { Trace } from './trace.ts'

/** Why it cannot be done there, in words; null: it can. */
const lackOf = ({ role, executor, labels }: Want, { roles, executors, labels: own }: Offer): string | null => {
  if (!roles.some((each) => each === role)) return `no ${role}`
  if (executor !== null && !executors.some((each) => each === executor)) return `without the executor ${executor}`
  for (const [name, value] of Object.entries(labels))
    if (own[name] !== value) return `not ${name}=${value}, but ${name}=${own[name]}`
  return null
}

/** Higher priority first, then what waits for longer (R41). */
const isMoreUrgent = (a: Pick<NeedLine, 'priority' | 'since'>, b: Pick<NeedLine, 'priority' | 'since'>): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.since < b.since)

export class Assignments {
  readonly #tables: Tables
  readonly #trace: Trace
  /** Of each grant, its daemon as it was then. */
  readonly #granted = new Map<string, DaemonRow>()
  /** Grants that were lost with the commit that made them, and never stored. */
  readonly #passing = new Set<string>()
  readonly #opened = new Set<string>()
  /** As they were before the commit that is looked at. */
  readonly #needs = new Map<ActorKey, NeedRow>()
  readonly #daemons = new Map<string, DaemonRow>()
  readonly #ready = new Map<ActorKey, ReadyRow>()

  constructor(tables: Tables, trace: Trace) {
    this.#tables = tables
    this.#trace = trace
  }

  readonly check = (commit: Commit): void => {
    const { grants = [], goneGrants = [], attempts = [] } = commit
    for (const { owner, id } of goneGrants) this.#passing.add(`${owner} ${id}`)
    const made = grants.filter(({ owner, id }) => !this.#granted.has(`${owner} ${id}`))
    for (const grant of made) this.#checkGrant(grant, made)
    for (const attempt of attempts) this.#checkAttempt(attempt, commit)
    this.#remember(commit)
  }

  #checkGrant(grant: GrantRow, made: readonly GrantRow[]): void {
    const { owner, id, daemon: name, role, requirement, session } = grant
    const key = `${owner} ${name}`
    const daemon = this.#tables.daemons.get(key)
    if (daemon?.session !== session) return
    this.#granted.set(`${owner} ${id}`, daemon)
    const [ofRole, executor, labels] = JSON.parse(requirement) as [Want['role'], string | null, [string, string][]]
    const want = { role: ofRole, executor, labels: Object.fromEntries(labels) }
    const lack = role === ofRole ? lackOf(want, daemon) : `for a ${role}`
    if (lack !== null) this.#trace.violate('R39', `grant ${id} of ${requirement} is on ${name}, which is ${lack}`)
    // One that the same commit has changed may have been another when it was granted.
    if (this.#daemons.get(key) === daemon) this.#checkTurn(grant, daemon, made)
  }

  /** Of what waited before and waits still, nothing was to come first. */
  #checkTurn({ id, owner, directive, requirement }: GrantRow, daemon: DaemonRow, made: readonly GrantRow[]): void {
    const line = this.#lineOf(directive, requirement)
    if (line === null) return
    for (const need of this.#needs.values()) {
      if (need.owner !== owner || !this.#isSteady(need, made)) continue
      for (const other of this.#stillLacking(need))
        if (isMoreUrgent(other, line) && lackOf(other, daemon) === null)
          this.#trace.violate(
            'R41',
            `${daemon.name} is given to ${directive} for ${textOf(line)} (grant ${id}), and ${need.directive} waits for ${textOf(other)}`,
          )
    }
  }

  /** As it waited before, or as it was told anew by the same commit, if that is more urgent. */
  #lineOf(directive: ActorKey, requirement: string): NeedLine | null {
    const [before, now] = [this.#needs, this.#tables.needs].map((needs) =>
      needs.get(directive)?.lines.find((each) => requirementOf(each) === requirement),
    )
    if (before === undefined || before.count === 0) return null
    return now !== undefined && isMoreUrgent(now, before) ? now : before
  }

  /** Whether all that became of the need by this commit is that some of it was granted: what is told anew may have come later. */
  #isSteady({ directive, lines, seen }: NeedRow, made: readonly GrantRow[]): boolean {
    const now = this.#tables.needs.get(directive)
    if (now?.seen !== seen || now.lines.length !== lines.length) return false
    return lines.every((line, at) => {
      const requirement = requirementOf(line)
      const granted = made.filter((grant) => grant.directive === directive && grant.requirement === requirement)
      const after = now.lines[at]
      return after?.since === line.since && after.count === line.count - granted.length
    })
  }

  #stillLacking({ directive }: NeedRow): readonly NeedLine[] {
    return this.#tables.needs.get(directive)?.lines.filter(({ count }) => count > 0) ?? []
  }

  #checkAttempt(attempt: AttemptRow, commit: Commit): void {
    const { owner, task, attempt: number, grant, daemon: name, session } = attempt
    const key = `${owner} ${task} ${number}`
    if (this.#opened.has(key)) return
    this.#opened.add(key)
    const daemon = this.#granted.get(`${owner} ${grant}`)
    if (daemon === undefined && this.#passing.has(`${owner} ${grant}`)) return
    if (daemon === undefined) return this.#trace.violate('R39', `attempt ${key} is on ${grant}, which nobody granted`)
    if (daemon.name !== name || daemon.session !== session || daemon.owner !== owner)
      this.#trace.violate('R39', `attempt ${key} is on ${name}, and its grant on ${daemon.owner}'s ${daemon.name}`)
    const lack = lackOf(this.#wantOf(attempt), daemon)
    if (lack !== null) this.#trace.violate('R39', `attempt ${key} is opened on ${name}, which is ${lack}`)
    this.#checkDesk(attempt, daemon, commit)
  }

  /** A step's labels come on top of those of the directive, whatever the role; the rest is for its work alone. */
  #wantOf({ owner, actor, directive, role }: AttemptRow): Want {
    const ofRole: Needs = this.#tables.directives.get(directive)?.definition.needs[role] ?? {}
    const step = readStepId(readKey(actor).id)
    const chain = step === null ? undefined : `${actorKey(owner, step.directive)} ${step.generation}`
    const hash = this.#tables.chains.get(chain ?? '')?.hash ?? ''
    const ofStep: Needs = this.#tables.plans.get(hash)?.rows[step?.index ?? -1]?.needs ?? {}
    const executor = (role === 'worker' ? ofStep.executor : undefined) ?? ofRole.executor ?? null
    return { role, executor, labels: { ...ofRole.labels, ...ofStep.labels } }
  }

  /** A directive spends its grant on the most urgent of its own tasks; work that was begun goes before new work. */
  #checkDesk({ actor, directive, owner, task, number, grant }: AttemptRow, daemon: DaemonRow, commit: Commit): void {
    const { mended = [], unfaulted = [] } = commit
    const chosen = this.#ready.get(actor)
    // What the same commit made to wait was not there before, and whom it mends may have been parked still.
    if (chosen?.number !== number || mended.includes(directive)) return
    for (const row of this.#ready.values()) {
      if (row.directive !== directive || row === chosen || this.#tables.ready.get(row.actor) !== row) continue
      if (unfaulted.includes(row.actor)) continue
      const isBefore = row.begun === chosen.begun ? isMoreUrgent(row, chosen) : row.priority > chosen.priority
      if (isBefore && this.#mayBegin(row) && lackOf(row, daemon) === null)
        this.#trace.violate(
          'R41',
          `${owner} ${task} is given grant ${grant} before ${row.actor}, a ${row.role} since ${row.since}`,
        )
    }
  }

  /** Merges come one by one, a person's evaluation may be of a directive that has ended, and who is parked begins nothing. */
  #mayBegin({ actor, role, manual }: ReadyRow): boolean {
    const { faulted, parked, messages } = this.#tables
    const isToLook = [...messages.values()].some(({ to }) => to === actor)
    const isParked = faulted.has(actor) || parked.some((row) => row.actor === actor)
    return role !== 'merger' && !manual && !isParked && !isToLook
  }

  #remember({ needs = [], goneNeeds = [], daemons = [], goneDaemons = [], ready = [], unready = [] }: Commit): void {
    for (const key of goneNeeds) this.#needs.delete(key)
    for (const row of needs) this.#needs.set(row.directive, row)
    for (const { owner, name } of goneDaemons) this.#daemons.delete(`${owner} ${name}`)
    for (const row of daemons) this.#daemons.set(`${row.owner} ${row.name}`, row)
    for (const key of unready) this.#ready.delete(key)
    for (const row of ready) this.#ready.set(row.actor, row)
  }
}

const textOf = ({ role, priority, since }: NeedLine): string => `a ${role} of priority ${priority} since ${since}`
