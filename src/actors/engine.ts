/**
 * One thread's engine: it holds shards, takes what comes in for them, commits it in batches and lets out what follows.
 * Speaks to the world through its ports alone, so that the simulator runs the very same code.
 */
import type { Catalog } from '../machines/versions.ts'
import { readKey, registryId, shardOf, shardOfKey } from '../protocol/ids.ts'
import { forEver, type Retention } from '../protocol/retention.ts'
import { drainMs, residentActorsMax, sweepMs } from '../protocol/limits.ts'
import { ApiDesk } from './api.ts'
import type { Draft } from './draft.ts'
import type { Holding } from './held-shards.ts'
import { Holder } from './holder.ts'
import type { Host, Log } from './host.ts'
import { Inbox } from './inbox.ts'
import { Keeping } from './keeping.ts'
import { Loop } from './loop.ts'
import { Mailbox } from './mailbox.ts'
import { sendOut } from './outbox.ts'
import type { Subscription } from './ports/bus.ts'
import type { Alarm, Clock, Random } from './ports/clock.ts'
import type { Reader } from './ports/reader.ts'
import type { AttemptRow } from './ports/rows.ts'
import type { HeldShard, Store, ThreadIdentity } from './ports/store.ts'
import type { Wire } from './ports/wire.ts'
import { Parking } from './parking.ts'
import { Registries } from './registries.ts'
import { openHost } from './open-host.ts'
import { Reopening } from './reopening.ts'
import { composeSpawn } from './spawn.ts'
import { type Unit, unitOf } from './unit.ts'
import { Watch } from './watch.ts'
import { watchUnit } from './watch-unit.ts'
import { within } from './within.ts'

export interface EngineParts {
  store: Store
  wire: Wire
  reader: Reader
  clock: Clock
  random: Random
  log: Log
  /** The thread's and its node's name; the data folder's id, when the node has one of its own. */
  thread: string
  node: string
  home: string | null
  /** How many threads of the node start together. */
  threads: number
  /** Of its lease, in ms, as its store has it: 10 s when left out. */
  leaseMs?: number | undefined
  /** Called when the store does not let the thread in any more: a newer schema, machines that it does not know. */
  refused?: (error: unknown) => void
  /** How long what is over is kept; for ever when left out. */
  retention?: Retention
  /** What it can open; all of this build when left out. */
  machines?: Catalog
  /** Told when the database was restored from an earlier copy: this engine has ended, and another is to begin in its stead. */
  restored?: () => void
  /** Told of the message whose turn begins, and null when that is over: what this thread ends at does not go uncounted. */
  turning?: (message: number | null) => void
}

export class Engine {
  readonly host: Host
  readonly loop: Loop
  readonly holder: Holder
  readonly watch: Watch
  readonly mailbox: Mailbox
  readonly registries: Registries
  readonly #inbox: Inbox
  readonly #api: ApiDesk
  readonly #identity: ThreadIdentity
  readonly #threads: number
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #parking: Parking
  readonly #reopening: Reopening
  readonly #keeping: Keeping
  /** Shards whose last commit nobody knows the result of. */
  readonly #uncertain = new Set<number>()
  /** What is for no shard in particular. */
  readonly #common: Subscription[] = []
  #alarm: Alarm | null = null
  #stopped = false

  constructor(parts: EngineParts) {
    const { store, clock, random, log, thread, node, home, leaseMs, retention = forEver } = parts
    this.#threads = parts.threads
    this.host = openHost(parts, () => this.holder)
    this.#identity = { thread, node, nonce: random.token(20), home, machines: this.host.machines.known }
    this.holder = new Holder({ store, clock, identity: this.#identity, holding: this.#holding(parts), log, leaseMs })
    this.loop = new Loop(this.host, {
      epoch: (shard) => this.holder.epoch(shard),
      epochs: () => this.holder.epochs(),
      commit: async (commit) => {
        this.mailbox.sending(commit)
        const held = await store.commit(this.#identity, commit).catch((error: unknown) => {
          this.mailbox.unsent()
          throw error
        })
        return held.messages
      },
      fenced: () => this.holder.fenced(),
      reclaim: (shards, isAgain) => this.#reclaim(shards, isAgain),
      out: (draft, messages) => this.#out(draft, messages),
      over: (unit, committed) => this.#over(unit, committed),
      turning: (message) => parts.turning?.(message),
      poisoned: (unit, error) => this.#parking.failed(unit, error),
    })
    const push = (unit: Unit): void => this.loop.push(unit)
    this.mailbox = new Mailbox(this.host, push, (key) => this.loop.isTimerTouched(key))
    this.#parking = new Parking(this.host, {
      push,
      knowing: (machines) => store.knowing(this.#identity, machines),
      look: (shard) => this.mailbox.look([shard]),
    })
    this.watch = new Watch(this.host, {
      compose: (attempt) => composeSpawn(this.host, attempt),
      tell: (attempt, message) => this.loop.push(watchUnit(attempt, message)),
      storeAcceptance: (attempt) => this.#storeAcceptance(attempt),
      isHeld: (shard) => this.holder.epoch(shard) !== null,
    })
    this.#reopening = new Reopening(store, this.watch)
    const depth = (): number => this.loop.depth
    const isHeld = (shard: number): boolean => this.holder.epoch(shard) !== null
    this.#inbox = new Inbox({
      host: this.host,
      reader: parts.reader,
      watch: this.watch,
      push,
      depth,
      isHeld,
      look: (shard) => this.mailbox.look([shard]),
    })
    this.registries = new Registries(this.host, push, depth, (owner) => this.#holdsRegistryOf(owner))
    this.#keeping = new Keeping(this.host, retention, push, depth)
    this.#api = new ApiDesk(this.host, parts.reader)
  }

  /** Holds its share of the shards when it resolves. */
  async start(): Promise<void> {
    this.loop.start()
    const { wire } = this.host
    this.#common.push(wire.serveMoved(this.#identity.thread, () => this.holder.look()))
    await this.holder.start(this.#threads)
    this.#common.push(
      wire.serveApi((asked) => this.#api.take(asked)),
      wire.serveInspect(this.#identity.thread, (order, shown) => {
        if (this.host.inspections.open(order)) shown()
      }),
    )
    this.#sweep()
  }

  /** Takes nothing new, finishes, gives its shards back. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#alarm?.cancel()
    await Promise.all(this.#common.map((subscription) => subscription.drain()))
    await this.holder.stop()
    await this.loop.stop()
    await this.registries.stop()
  }

  #holding({ wire, thread, refused, restored }: EngineParts): Holding {
    return {
      taken: (shards) => this.#taken(shards),
      leaving: (shards) => this.#leaving(shards),
      lost: (shards) => this.#lost(shards),
      foreign: () => this.host.memory.foreignMachines,
      moved: () => wire.moved(thread),
      refused: (error) => refused?.(error),
      restored: () => restored?.(),
    }
  }

  #holdsRegistryOf(owner: string): boolean {
    return this.holder.epochs().has(shardOf(owner, registryId))
  }

  async #taken(shards: readonly HeldShard[]): Promise<void> {
    const numbers = shards.map(({ shard }) => shard)
    // What these shards have sent before may wait anywhere, and nothing that is told from now on may overtake it.
    this.mailbox.doubt(this.holder.shards)
    // What a unit took back, a read brought late or a commit told, after they were lost the last time.
    this.host.memory.forgetShards(new Set(numbers))
    this.watch.forget(({ shard }) => numbers.includes(shard))
    this.#parking.find(await this.#reopening.reopen(numbers))
    this.mailbox.look(this.holder.staying)
    for (const shard of numbers)
      this.#subscriptions.set(
        shard,
        this.host.wire.serveShard(shard, (asked) => this.#inbox.take(asked)),
      )
    await this.#openRegistries(numbers)
  }

  async #openRegistries(shards: readonly number[]): Promise<void> {
    const owners = new Set([...(await this.host.store.registries(shards)), 'default'])
    for (const owner of owners) if (shards.includes(shardOf(owner, registryId))) await this.registries.open(owner)
  }

  /**
   * A commit may have held that nobody was told of: what it sent lies unseen in any mailbox, its spawns were not sent, and a
   * registry that it made is not open.
   */
  async #reclaim(shards: readonly number[], isAgain: boolean): Promise<void> {
    await this.holder.reclaim(shards)
    this.mailbox.doubt(this.holder.shards)
    // What it fails at again and again may be a row in these: that has to wait for a sweep.
    this.mailbox.look(this.holder.staying.filter((shard) => !isAgain || !shards.includes(shard)))
    for (const shard of shards) this.#uncertain.add(shard)
    this.#again(this.#catchUp(), 'catching up')
  }

  async #catchUp(): Promise<void> {
    const shards = [...this.#uncertain].filter((shard) => this.holder.epoch(shard) !== null)
    if (shards.length === 0) return
    await this.#reopening.reopen(shards)
    await this.#openRegistries(shards)
    for (const shard of shards) this.#uncertain.delete(shard)
  }

  /** What comes to more than this takes is asked again elsewhere: a shard where there is always something to do moves as well. */
  async #leaving(shards: readonly number[]): Promise<void> {
    const drains = shards.flatMap((shard) => this.#subscriptions.get(shard)?.drain() ?? [])
    for (const shard of shards) this.#subscriptions.delete(shard)
    drains.push(this.registries.close((owner) => shards.includes(shardOf(owner, registryId))))
    await within(this.host.clock, drainMs, Promise.allSettled(drains))
    await within(this.host.clock, drainMs, this.loop.quiet(new Set(shards)))
  }

  #lost(shards: readonly number[]): void {
    const gone = new Set(shards)
    for (const shard of gone) void this.#subscriptions.get(shard)?.drain()
    for (const shard of gone) this.#subscriptions.delete(shard)
    void this.registries.close((owner) => gone.has(shardOf(owner, registryId)))
    this.watch.forget(({ shard }) => gone.has(shard))
    this.mailbox.forget(gone)
    this.host.memory.forgetShards(gone)
    for (const key of this.host.accepted.keys()) if (gone.has(shardOfKey(key))) this.host.accepted.delete(key)
  }

  #over(unit: Unit, committed: boolean): void {
    this.mailbox.over(unit, committed)
    if (committed) this.#parking.over(unit)
  }

  #out(draft: Draft, messages: readonly number[]): void {
    this.mailbox.parked(draft.parked)
    this.mailbox.sent(draft.messages, messages, (shard) => this.holder.stays(shard))
    // After what is parked, as in the store: what one commit parks and mends is back.
    this.mailbox.unparked(draft)
    this.host.memory.removed(draft.removed.map(({ key }) => key))
    if (draft.removed.length > 0) this.#keeping.removed()
    this.#parking.worked(draft.actors.keys())
    for (const key of draft.actors.keys()) {
      const { owner, id } = readKey(key)
      if (id === registryId) this.#again(this.registries.open(owner), `opening the registry of ${owner}`)
    }
    this.#reopening.touched(draft.attempts.keys())
    sendOut(this.host, this.watch, draft, messages)
  }

  #storeAcceptance(attempt: AttemptRow): void {
    const { attempt: number, nonce } = attempt
    this.host.accepted.delete(attempt.actor)
    this.loop.push(watchUnit(attempt, { type: 'task.accepted', attempt: number, nonce }))
  }

  /** Only between units: a turn that is under way holds on to what it has loaded. */
  #trim(): void {
    if (this.host.memory.size <= residentActorsMax) return
    this.loop.push(
      unitOf(this.holder.shards[0] ?? 0, 'making room', (turn) => {
        turn.host.memory.trim(this.holder.shards, this.loop.busyShards)
        return Promise.resolve({})
      }),
    )
  }

  /** What fails is done again by a later sweep. */
  #again(doing: Promise<void>, what: string): void {
    doing.catch((error: unknown) => this.host.log.warn({ err: error }, `${what} failed`))
  }

  /** Finds what nobody told of, once a second. */
  #sweep(): void {
    if (this.#stopped) return
    this.mailbox.look(this.holder.staying)
    this.watch.look()
    this.#trim()
    this.#again(this.registries.look(), 'looking at the daemons')
    this.#again(this.#catchUp(), 'catching up')
    this.#again(this.#keeping.look(this.holder.staying), 'tidying')
    this.#alarm = this.host.clock.after(sweepMs, () => this.#sweep())
  }
}
