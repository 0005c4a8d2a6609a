/** How a healed world ends: every directive has ended, nothing waits in a mailbox, no slot is held by who has ended. */
import type { DirectiveContext } from '../../src/machines/directive-context.ts'
import { directiveKeyOf, readKey, readStepId } from '../../src/protocol/ids.ts'
import type { ActorRow } from '../../src/actors/ports/rows.ts'
import { HoldingCheck } from './holding-check.ts'
import type { Person } from './people.ts'
import type { World } from './world.ts'

const helpMs = 3_000
const quietMs = 2_500
/** Some worlds go on for so long after their end, for what is only seen when nothing else happens: that nothing moves for ever. */
const lastsMs = 70_000
/** One of so many worlds; no divisor of it is one of how many sizes take turns. */
const lastsEvery = 21

export class Ending {
  readonly #world: World
  readonly #holding: HoldingCheck
  #helping = false
  #quietSince: number
  #overAt: number | null = null

  constructor(world: World) {
    this.#world = world
    this.#holding = new HoldingCheck(world)
    this.#quietSince = world.clock.monotonic()
    this.#help()
  }

  /** Threads that came back too early to start are started again; people say what has to be said. */
  #help(): void {
    const { people, clock, threads } = this.#world
    for (const thread of [...threads])
      if (thread.process.isDead) {
        threads.splice(threads.indexOf(thread), 1)
        this.#world.startThread(thread.place)
      }
    if (!this.#helping) void this.#helpAll(people)
    clock.after(helpMs, () => this.#help())
  }

  async #helpAll(people: readonly Person[]): Promise<void> {
    this.#helping = true
    for (const person of people) await person.help()
    this.#helping = false
  }

  /** For a while, and not only at this moment. */
  isOver(): boolean {
    this.#holding.look()
    const now = this.#world.clock.monotonic()
    if (this.#unfinished() !== null) this.#quietSince = now
    if (now - this.#quietSince < quietMs) return false
    this.#overAt ??= now
    return now - this.#overAt >= (this.#world.options.seed % lastsEvery === 0 ? lastsMs : 0)
  }

  /** What keeps the world from its end, in words; null: nothing. */
  #unfinished(): string | null {
    const { people, store } = this.#world
    const { actors, messages, timers, attempts, grants, ready, held } = store.tables
    for (const { directive } of people) {
      const row = actors.get(directive)
      if (this.#world.hasEnded(directive)) continue
      if (row === undefined) return `${directive} was not created`
      return `${directive} is ${row.status}${this.#steps(row)} and waits for ${row.waiting}`
    }
    const { waiting } = this.#world.network.stream
    if (waiting > 0) return `${waiting} publishes wait in the stream`
    for (const row of timers.values()) return `${row.key} waits for ${row.id}`
    for (const row of messages.values()) return `message ${row.id} from ${row.from} to ${row.to} is not taken`
    for (const row of attempts.values()) if (row.closedAt === null) return `attempt ${row.task}/${row.attempt} is open`
    for (const row of ready.values()) return `${row.actor} waits for a slot`
    for (const row of held.values()) return `${row.directive} holds grant ${row.id}`
    for (const row of grants.values()) return `grant ${row.id} of ${row.directive} is not given back`
    const dead = this.#dead()
    if (dead !== null) return `the daemon ${dead}, which is dead, is not lost`
    const { faulted, parked, removed } = store.tables
    // What is left of what was removed goes with the next clearing.
    const ofThere = parked.filter(({ actor }) => !removed.has(directiveKeyOf(actor)))
    const still = [...faulted.keys(), ...ofThere.map(({ message, actor }) => `message ${message} of ${actor}`)]
    if (this.#world.mayBeParked && still.length > 0) return `${still.join(', ')} is parked still`
    for (const daemon of this.#world.daemons.values()) {
      const left = daemon.unfinished()
      if (left !== null) return left
    }
    return this.#unshared()
  }

  /** A daemon that the registry knows though nobody is there any more. */
  #dead(): string | null {
    const { store, daemons } = this.#world
    for (const { name, inbox } of store.tables.daemons.values())
      if (inbox === null && daemons.get(name)?.process.isDead === true) return name
    return null
  }

  /** Every thread that lives has its lease, and its fair share. */
  #unshared(): string | null {
    const { store, threads } = this.#world
    const { shards } = store.tables
    const staying = [...store.tables.threads.values()].filter(
      ({ expires, leaving }) => expires > store.now() && !leaving,
    )
    const share = Math.floor(shards.length / Math.max(1, staying.length))
    for (const { name } of threads) {
      if (!staying.some(({ thread }) => thread === name)) return `${name} has no lease`
      const count = shards.filter(({ thread }) => thread === name).length
      if (count < share) return `${name} holds ${count} of ${shards.length} shards`
    }
    return null
  }

  #steps(directive: ActorRow): string {
    const steps = [...this.#world.store.tables.actors.values()].filter(
      (row) => row.kind === 'step' && row.directive === directive.key && row.status !== 'passed',
    )
    return steps.map((row) => `; ${row.id} is ${row.status} and waits for ${row.waiting}`).join('')
  }

  check(): void {
    const { trace, store, ear, people } = this.#world
    if (trace.violations.length > 0) return
    const unfinished = this.#unfinished()
    if (unfinished !== null) return trace.violate('9', `in a healed world ${unfinished}`)
    const { actors, removed, replies, faulted, parked } = store.tables
    const { streamed } = store
    const acked = this.#world.network.stream.acked.size
    if (acked > streamed.taken + streamed.refused + ear.nonsense.size)
      trace.violate('3', `${acked} publishes were acknowledged, and ${streamed.taken} are in mailboxes`)
    for (const promise of ear.promised)
      if (!replies.has(promise)) trace.violate('12', `the reply to ${promise} is gone`)
    for (const { directive, created } of people)
      if (created && !actors.has(directive) && !removed.has(directive)) trace.violate('12', `${directive} is gone`)
    for (const key of faulted.keys()) trace.violate('10', `${key} is parked`)
    for (const { actor, reason } of parked)
      if (!removed.has(directiveKeyOf(actor))) trace.violate('10', `a message to ${actor} is parked: ${reason}`)
    for (const row of actors.values()) if (row.kind === 'directive') this.#checkCounts(row)
    const { checkers, line } = this.#world
    line.checkAll()
    // What is left of one that was removed is cleared away by and by.
    const rows = [...actors.values()].filter(({ key }) => !removed.has(directiveKeyOf(key)))
    for (const { key } of checkers.fold.unkept(rows))
      trace.violate('4', `${key} is not the fold of what is kept of its journal`)
    checkers.verify(
      store.tables.directives.keys(),
      new Set([...store.tables.daemons.values()].map(({ owner }) => owner)),
    )
  }

  #checkCounts({ key, status }: ActorRow): void {
    const { trace, store, checkers } = this.#world
    const context = checkers.fold.live(key)?.snapshot.context as DirectiveContext | undefined
    const chain = context?.chain
    if (context === undefined || chain === null || chain === undefined) return
    const { owner, id } = readKey(key)
    const steps = [...store.tables.actors.values()].filter((row) => {
      const read = row.owner === owner ? readStepId(row.id) : null
      return read?.directive === id && read.generation === chain.generation
    })
    const passed = steps.filter((row) => row.status === 'passed').length
    const heard = context.unheard !== true
    if (heard && passed !== context.passed)
      trace.violate('counts', `${key} counts ${context.passed} passed, ${passed} have`)
    if (status === 'completed' && passed !== chain.steps) trace.violate('R20', `${key} is completed with ${passed}`)
  }
}
