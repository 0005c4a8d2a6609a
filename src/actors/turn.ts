/**
 * One unit of a batch: a message is taken by an actor, what it tells others of the same shard is taken in the same commit
 * (run to completion, bounded), and what became free or ready at a directive's desk is matched before the unit ends.
 * Nothing leaves the thread here: everything is rows and outgoing of the draft.
 */
import {
  type Advance,
  advance,
  begin,
  machineNameOf,
  fire,
  hasEnded,
  type Live,
  mayDispatch,
  openAttempt,
} from '../machines/advance.ts'
import type { Given } from '../machines/given.ts'
import type { Message } from '../machines/message.ts'
import type { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey, readStepId, shardOf } from '../protocol/ids.ts'
import { cascadeMessagesMax, sliceBytesMax } from '../protocol/limits.ts'
import { apply } from './apply.ts'
import { acceptAttempt } from './attempt.ts'
import { pack } from './codec.ts'
import { Draft, type JournalEntry } from './draft.ts'
import type { Host } from './host.ts'
import type { DirectiveFacts, Resident } from './memory.ts'
import { migrating } from './migrating.ts'
import { isAsked } from './asked.ts'
import { fromEngine, type Letter, pairOf } from './letter.ts'
import { closeForParked, Faulty, park, parkedError, waitsError } from './parked.ts'
import { missing } from './removal.ts'
import { newRow } from './seal.ts'
import { directiveSettings, stepSettings } from './settings.ts'
import { fromDesk, settle } from './settle.ts'
import { stopLate } from './telling.ts'
import { weightOf } from './weight.ts'

export class Turn {
  readonly host: Host
  /** This unit's rows. */
  readonly draft = new Draft()
  /** The first refusal: what the asker is told. */
  refusal: WritError | null = null
  /** Directives whose desks were touched. */
  readonly desks = new Set<ActorKey>()
  readonly #batch: Draft
  /** How many tasks a desk may give a slot in this unit: what they begin may be what the store refuses. */
  gives: 'all' | 'one' | 'none' = 'all'
  #apart = false
  #awake: ActorKey | null = null
  #letters: Letter[] = []
  #taken = 0

  constructor(host: Host, batch: Draft) {
    this.host = host
    this.#batch = batch
  }

  /** Puts a message in line. It is taken by `run`, after those that are in line already. */
  tell(to: ActorKey, message: Message, from: string): void {
    this.#letters.push({ to, from, message, timer: null })
  }

  fireTimer(to: ActorKey, timer: string): void {
    this.#letters.push({ to, from: 'timer', message: null, timer })
  }

  /** The message that the unit brought was taken, though by no machine: nothing that follows from it may overtake. */
  took(): void {
    this.#taken++
  }

  /** What follows from what the unit brings waits for commits of its own. */
  standApart(): void {
    this.#apart = true
    this.gives = 'none'
  }

  /**
   * It takes what this unit tells it, though for all others it is parked until this has held: what waits for it since is in no line here,
   * and nothing that follows may overtake that.
   */
  wake(key: ActorKey): void {
    this.#awake = key
    this.standApart()
  }

  refuse(error: WritError): void {
    this.refusal ??= error
  }

  /** Takes everything in line, then settles the desks, until neither leaves anything to do. */
  async run(): Promise<void> {
    do {
      await this.drain()
      for (const directive of this.desks) {
        this.desks.delete(directive)
        await settle(this, directive)
      }
    } while (this.#letters.length > 0 || this.desks.size > 0)
  }

  /** A message that waits for a later commit: to another shard, or too much for this one. */
  post(to: ActorKey, message: object, from: string): void {
    const { owner, id } = readKey(to)
    const body = pack(message)
    this.draft.messages.push({ to, from, shard: shardOf(owner, id), body })
    this.draft.pairs.add(pairOf({ from, to }))
  }

  /** Whether this batch has changed an actor of the directive: its row is yet to be made. */
  hasChanged(directive: ActorKey): boolean {
    const isOf = (key: ActorKey): boolean => key === directive || key.startsWith(`${directive}__`)
    return [...this.#batch.actors.keys(), ...this.draft.actors.keys()].some(isOf)
  }

  /** The version that this commit gives an actor: one for the whole batch. */
  versionOf(resident: Resident): number {
    const { key } = resident.row
    return this.draft.actors.get(key) ?? this.#batch.actors.get(key) ?? resident.row.version + 1
  }

  /** Makes an actor: its first snapshot, with what entering its first state asks for. */
  async create(key: ActorKey, directive: DirectiveFacts | null): Promise<Resident | null> {
    const given = await this.#given(key, directive)
    if (given === null) return null
    const result = begin(kindOf(readKey(key).id), given, this.host.written(), this.host.machines)
    const row = newRow(key, directive?.key ?? null, given.at)
    const resident: Resident = { row, live: result.live, parked: null }
    const { at, seed } = given
    const entry = { message: null, timer: null, at, seed, origin: 'begin', machine: machineNameOf(result.live) }
    await this.#keep(resident, result, entry)
    return this.host.memory.actors.get(key) ?? resident
  }

  /** Takes everything in line. */
  async drain(): Promise<void> {
    while (this.#letters.length > 0) {
      const letters = this.#letters
      this.#letters = []
      await this.host.loader.actors(letters.map(({ to }) => to))
      for (const letter of letters) await this.#takeOrPost(letter)
    }
  }

  #missing(key: ActorKey): Promise<WritError> {
    return missing(this.host.store, kindOf(readKey(key).id), key)
  }

  /** In this commit, unless it has grown too large or an older message between the same two still waits. What the unit brought comes first. */
  async #takeOrPost(letter: Letter): Promise<void> {
    const follows = this.#taken > 0 && letter.from !== fromDesk
    const late = follows && (this.#isFull(letter) || this.#mayOvertake(letter))
    if (late && isAsked(letter.message)) throw waitsError(letter.to, this.host.parkedAhead.get(pairOf(letter)))
    if (late && letter.message !== null) this.post(letter.to, letter.message, letter.from)
    else await this.#take(letter).catch((error: unknown) => this.#failed(letter, error))
  }

  /** The fault of one that was told something on the way is not of whoever told it: that waits for it, and the unit goes on. */
  async #failed({ to, from, message }: Letter, error: unknown): Promise<void> {
    if (!(error instanceof Faulty) || message === null) throw error
    if (from === fromDesk) return park(this, to, error.message)
    if (!from.includes('/') || this.#taken === 1 || isAsked(message)) throw error
    this.post(to, message, from)
  }

  #isFull({ message }: Letter): boolean {
    if (this.#taken >= cascadeMessagesMax) return true
    return (this.#apart || this.draft.grown >= sliceBytesMax) && !isAsked(message)
  }

  #mayOvertake({ from, to }: Letter): boolean {
    if (!from.includes('/')) return false
    const { owner, id } = readKey(to)
    const pair = pairOf({ from, to })
    const { waiting, inFlight, doubted } = this.host
    if (this.draft.pairs.has(pair) || this.#batch.pairs.has(pair)) return true
    return inFlight.has(pair) || waiting.has(pair) || doubted.has(shardOf(owner, id))
  }

  async #take(letter: Letter): Promise<void> {
    this.#taken++
    const resident = await this.#resident(letter.to)
    if (resident === null) return this.refuse(await this.#missing(letter.to))
    const isParked = resident.parked !== null && letter.to !== this.#awake
    if (isParked || resident.live === null) return this.#putOff(letter, resident)
    const migrated = await this.#migrate(resident, resident.live)
    const live = await this.#acceptFirst(this.host.memory.actors.get(letter.to) ?? resident, migrated)
    const given = await this.#given(letter.to, await this.#directiveOf(letter.to))
    if (given === null) return this.refuse(await this.#missing(letter.to))
    const result = move(live, letter, given)
    const current = this.host.memory.actors.get(letter.to) ?? resident
    const { message, timer, from: origin } = letter
    await this.#keep(current, result, { message, timer, at: given.at, seed: given.seed, origin })
  }

  /** A parked actor takes nothing. What daemons and others of the engine tell it waits in its mailbox; what people ask is not done at all. */
  async #putOff({ to, from, message }: Letter, resident: Resident): Promise<void> {
    const waits = from.includes('/') || fromEngine.has(from) || from.startsWith('daemon ')
    if (message === null || !waits || isAsked(message)) throw parkedError(resident)
    this.post(to, message, from)
    await closeForParked(this, to, message)
  }

  /** One of an older version becomes one of the version that is activated, if there is a way, before it takes anything. */
  async #migrate(resident: Resident, live: Live): Promise<Live> {
    const { key, machine, machineVersion } = resident.row
    if (this.host.machines.wayFrom(machine, machineVersion, this.host.written()).length === 0) return live
    const given = await this.#given(key, await this.#directiveOf(key))
    const done = given === null ? null : migrating(this.host, key, live, given)
    if (done === null) return live
    await this.#keep(resident, done.result, done.entry)
    return done.result.live
  }

  /** The daemon's acceptance came with the spawn's reply: it is told to the machine before whatever comes next. */
  async #acceptFirst(resident: Resident, live: Live): Promise<Live> {
    const { key } = resident.row
    const stamp = this.host.accepted.get(key)
    if (stamp === undefined) return live
    this.host.accepted.delete(key)
    const open = openAttempt(live)
    if (open === null || !open.starting || open.attempt !== stamp.attempt || open.nonce !== stamp.nonce) return live
    const given = await this.#given(key, await this.#directiveOf(key))
    if (given === null) return live
    const message: Message = { type: 'task.accepted', ...stamp }
    const result = move(live, { to: key, from: 'daemon', message, timer: null }, given)
    await this.#keep(resident, result, { message, timer: null, at: given.at, seed: given.seed, origin: 'daemon' })
    return result.live
  }

  async #resident(key: ActorKey): Promise<Resident | null> {
    const known = await this.host.loader.actor(key)
    if (known !== null) return known
    const { id } = readKey(key)
    if (kindOf(id) === 'registry') return this.create(key, null)
    if (kindOf(id) !== 'step') return null
    const directive = await this.#directiveOf(key)
    const made = await this.create(key, directive)
    if (made !== null && directive !== null) await stopLate(this, key, directive)
    return made
  }

  async #directiveOf(key: ActorKey): Promise<DirectiveFacts | null> {
    const { owner, id } = readKey(key)
    return kindOf(id) === 'registry' ? null : this.host.loader.directive(actorKey(owner, directiveOf(id)))
  }

  /** Null: there is no such directive, or its chain has no such step. */
  async #given(key: ActorKey, directive: DirectiveFacts | null): Promise<Given<unknown> | null> {
    const stamp = { at: this.host.now(), seed: this.host.random.token(12) }
    const { id } = readKey(key)
    if (kindOf(id) === 'registry') return { ...stamp, settings: {} }
    if (directive === null) return null
    const step = readStepId(id)
    if (step === null) return { ...stamp, settings: directiveSettings(directive) }
    const { chain } = directive
    if (chain === null || chain.generation !== step.generation) return null
    const row = await this.host.loader.planRow(chain.hash, step.index)
    return row === null ? null : { ...stamp, settings: stepSettings(directive, row) }
  }

  /** Puts the new state into memory and its effects into the draft. A message that changed nothing leaves nothing. */
  async #keep(resident: Resident, result: Advance, entry: Omit<JournalEntry, 'order'>): Promise<void> {
    const { live, effects, timers, changed } = result
    const { key, shard } = resident.row
    if (resident.row.version > 0 && !changed && effects.length === 0 && timers.length === 0) return
    const version = this.versionOf(resident)
    this.draft.shards.add(shard)
    this.draft.actors.set(key, version)
    const journaled = { ...entry, order: this.host.order(shard) }
    this.draft.journal.set(key, [...(this.draft.journal.get(key) ?? []), journaled])
    if (this.host.inspections.isWatched(key))
      this.draft.outgoing.push({ kind: 'seen', seen: { key, version, entry: journaled, live } })
    this.draft.grown += weightOf(entry) + weightOf(live.snapshot.context)
    this.host.memory.set(this.host.memory.actors, key, { ...resident, live })
    if (resident.row.kind === 'directive' && resident.live !== null && mayBegin(resident.live) !== mayBegin(live))
      this.desks.add(key)
    for (const timer of timers)
      if (timer.do === 'cancel') this.draft.cancelTimer(key, timer.id)
      else this.draft.setTimer({ key, shard, id: timer.id, due: entry.at + timer.delay, generation: version })
    if (changed && (entry.message as Message | null)?.type === 'task.accepted')
      await acceptAttempt(this, key, openAttempt(live)?.number ?? 0)
    for (const effect of effects) await apply(this, key, effect)
  }
}

/** Throws Faulty: what the machine throws is the actor's own. */
const move = (live: Live, { to, message, timer }: Letter, given: Given<unknown>): Advance => {
  try {
    return message === null ? fire(live, timer ?? '', given) : advance(live, message, given)
  } catch (error) {
    throw new Faulty(to, error)
  }
}

/** What a directive's waiting tasks depend on: when it changes, its desk asks for slots anew, or asks for none (R48). */
const mayBegin = (live: Live): string => `${mayDispatch(live)} ${hasEnded(live)}`
