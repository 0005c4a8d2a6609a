/** The registries whose shards a thread holds: what daemons say to them, and who has been silent for too long. */
import { WritError } from '../protocol/errors.ts'
import { actorKey, chosenId, registryId, shardOf } from '../protocol/ids.ts'
import { beatMs, daemonLeaseMs, leaseMs, registryAuditMs } from '../protocol/limits.ts'
import type { Beat, Hello } from '../protocol/task.ts'
import type { PullInput } from '../protocol/commands.ts'
import type { Host } from './host.ts'
import type { Subscription } from './ports/bus.ts'
import type { DaemonRow } from './ports/registry-rows.ts'
import type { Asked } from './ports/wire.ts'
import type { Presence } from './presence.ts'
import { heardOf, unheard } from './presence.ts'
import { auditGrants, helloDaemon, loseDaemon, loseUnusedPull, lookAgain } from './registrar.ts'
import { isLacking } from './registry-tables.ts'
import { hasRoom, noRoom } from './room.ts'
import type { Turn } from './turn.ts'
import { type Unit, unitOf } from './unit.ts'

/** The end of a pull that nothing has come of is tried again after this time. */
const endAgainMs = beatMs

interface Open {
  subscription: Subscription
  /** Monotonic ms. */
  readonly openedAt: number
  /** Monotonic ms of the last audit. */
  auditedAt: number
  /** Whether it is known who is there: whose names nobody else may take. */
  isReady: boolean
}

export class Registries {
  readonly #host: Host
  readonly #push: (unit: Unit) => void
  readonly #depth: () => number
  readonly #isHeld: (owner: string) => boolean
  readonly #open = new Map<string, Open>()
  /**
   * When each waiting pull ends, or is ended once more, by its session, monotonic ms. One from before a move ends at once, and
   * is asked again.
   */
  readonly #pulls = new Map<string, number>()
  /**
   * Whose loss is in line, since when, monotonic ms: however slow that is, they are not taken for ones that nobody has looked at yet. One that
   * was dropped from the line is put there again after a lease.
   */
  readonly #losing = new Map<string, number>()
  /** Requests that wait outside of the loop, for a daemon's answer. */
  #outside = 0

  /** `depth`: how many units are in line. */
  constructor(host: Host, push: (unit: Unit) => void, depth: () => number, isHeld: (owner: string) => boolean) {
    this.#host = host
    this.#push = push
    this.#depth = depth
    this.#isHeld = isHeld
  }

  /**
   * Listens for the owner's daemons, and reads who is there; where that fails it is read with the next look. Those that the tables know
   * have one lease of grace to be heard of.
   */
  async open(owner: string): Promise<void> {
    if (this.#isReady(owner) || !this.#isHeld(owner)) return
    const open = this.#open.get(owner) ?? this.#listen(owner)
    const { daemons } = await this.#host.store.registry(owner)
    if (this.#open.get(owner) !== open || open.isReady) return
    for (const { name, session, at } of daemons) {
      const key = `${owner}/${name}`
      // Of what was in line when it was closed the last time something may have been heard after that.
      const isHeard = (this.#host.presence.get(key)?.seenAt ?? -1) >= open.openedAt
      const now = this.#host.clock.monotonic()
      if (!isHeard) this.#host.presence.set(key, { ...heardOf(at === 0 ? unheard : session, now), waitsForBeat: true })
    }
    open.isReady = true
    this.#unit(owner, 'audit', (turn) => auditGrants(turn, owner, { olderThanMs: leaseMs, says: 'audit' }))
  }

  #listen(owner: string): Open {
    const subscription = this.#host.wire.serveRegistry(owner, (asked) => this.#take(asked))
    const now = this.#host.clock.monotonic()
    const open = { subscription, openedAt: now, auditedAt: now, isReady: false }
    this.#open.set(owner, open)
    return open
  }

  #isReady(owner: string): boolean {
    return this.#open.get(owner)?.isReady === true
  }

  /** Of what is in line some comes before the registry knows who is there, or after it was closed and has forgotten that. */
  #checkReady(owner: string): void {
    if (!this.#isReady(owner))
      throw new WritError('BUSY', 'the registry of daemons is just changing hands', { hint: 'ask again' })
  }

  /** All are forgotten before the first wait: what is taken again meanwhile is opened anew. */
  async close(isGone: (owner: string) => boolean): Promise<void> {
    const gone = [...this.#open].filter(([owner]) => isGone(owner))
    for (const [owner] of gone) {
      this.#open.delete(owner)
      for (const key of this.#host.presence.keys()) if (key.startsWith(`${owner}/`)) this.#host.presence.delete(key)
      for (const key of this.#losing.keys()) if (key.startsWith(`${owner}/`)) this.#losing.delete(key)
    }
    await Promise.all(gone.map(([, { subscription }]) => subscription.drain()))
  }

  async stop(): Promise<void> {
    await this.close(() => true)
  }

  /** Once a second. An owner whose tables cannot be read holds up no other. */
  async look(): Promise<void> {
    const now = this.#host.clock.monotonic()
    for (const [session, until] of this.#pulls) if (now >= until) this.#pulls.delete(session)
    await Promise.all([...this.#open].map(([owner, open]) => this.#lookIn(owner, open, now)))
  }

  /** Silent daemons are lost, pulls that waited long enough are answered, old grants are audited. */
  async #lookIn(owner: string, open: Open, now: number): Promise<void> {
    await this.open(owner)
    if (now - open.auditedAt >= registryAuditMs) {
      open.auditedAt = now
      this.#unit(owner, 'audit', (turn) => auditGrants(turn, owner, { olderThanMs: registryAuditMs, says: 'settled' }))
    }
    const { daemons, grants } = await this.#host.loader.registry(owner)
    const busy = new Set([...grants.values()].map(({ daemon }) => daemon))
    for (const daemon of daemons.values())
      if (daemon.inbox === null) this.#lookAt(owner, daemon, now)
      else if (!busy.has(daemon.name)) this.#lookAtPull(owner, daemon.name, daemon.session, now)
  }

  /** Whether it is answered with a task or with none is decided in its registry's turn, so that it is never both. */
  #lookAtPull(owner: string, name: string, session: string, now: number): void {
    if (now < (this.#pulls.get(session) ?? 0)) return
    // The line may be slow: what is in it is not put there once more with every look.
    this.#pulls.set(session, now + endAgainMs)
    this.#unit(owner, `the end of pull ${name}`, (turn) => loseUnusedPull(turn, owner, name, session))
  }

  #lookAt(owner: string, { name, session, at }: DaemonRow, now: number): void {
    const key = `${owner}/${name}`
    const presence = this.#host.presence.get(key)
    const since = presence?.seenAt ?? this.#losing.get(key)
    if (since === undefined)
      this.#host.presence.set(key, { ...heardOf(at === 0 ? unheard : session, now), waitsForBeat: true })
    else if (now - since >= daemonLeaseMs) {
      // Not heard of from now on: a hello that is in line before the loss makes it heard of again.
      this.#host.presence.delete(key)
      this.#losing.set(key, now)
      this.#unit(owner, `the loss of ${name}`, (turn) => this.#lose(turn, owner, name, session))
    }
  }

  /** In line it is until its commit holds: one that does not is run again. */
  async #lose(turn: Turn, owner: string, name: string, session: string): Promise<void> {
    const key = `${owner}/${name}`
    turn.draft.outgoing.push({ kind: 'reply', send: () => void this.#losing.delete(key) })
    if (!this.#isReady(owner) || this.#host.presence.has(key)) return
    const reason = `the daemon ${name} has been silent for ${daemonLeaseMs / 1000} s`
    await loseDaemon(turn, owner, name, session, reason)
  }

  get #hasRoom(): boolean {
    return hasRoom(this.#depth() + this.#outside)
  }

  /** A beat is heard however many wait: a daemon must not be lost because others ask too much. */
  #take(asked: Asked): void {
    try {
      if (asked.verb !== 'beat' && !this.#hasRoom) throw noRoom()
      if (asked.noun === 'pull') return this.#pull(asked)
      const name = chosenId('daemon', asked.id)
      if (asked.verb === 'hello') this.#hello(asked, name)
      else if (asked.verb === 'beat') this.#beat(asked, name)
      else if (asked.verb === 'bye') this.#bye(asked, name)
      else if (asked.verb === 'drain') this.#outsideOf(asked, this.#drain(asked, name))
      else throw new WritError('BAD_INPUT', `a daemon has no verb ${JSON.stringify(asked.verb)}`)
    } catch (error) {
      asked.fail(error)
    }
  }

  #outsideOf(asked: Asked, doing: Promise<void>): void {
    this.#outside++
    void doing.catch(asked.fail).finally(() => this.#outside--)
  }

  #hello(asked: Asked, name: string): void {
    const heard = { inbox: null, heardAt: this.#host.now() }
    this.#ask(asked, async (turn) => {
      this.#checkReady(asked.owner)
      return helloDaemon(turn, asked.owner, name, asked.body as Hello, heard)
    })
  }

  /** A beat stays in memory, unless it changes what can be granted. */
  #beat(asked: Asked, name: string): void {
    const { owner } = asked
    const { session, running, slots, draining } = asked.body as Beat
    const presence = this.#host.presence.get(`${owner}/${name}`)
    if (presence?.session !== session) return asked.reply({ known: false, beatMs })
    if (!this.#hasRoom) return this.#noteBeat(asked, presence)
    const now = this.#host.clock.monotonic()
    const isBack = presence.refusals > 0 && now >= presence.notBefore
    const freed = presence.waitsForBeat || isBack || running.length < presence.running
    const heard = { ...presence, seenAt: now, running: running.length, waitsForBeat: false }
    this.#host.presence.set(`${owner}/${name}`, heard)
    asked.reply({ known: true })
    const tables = this.#host.memory.registries.get(owner)
    const daemon = tables?.daemons.get(name)
    const changed = (slots ?? daemon?.slots) !== daemon?.slots || (draining ?? daemon?.draining) !== daemon?.draining
    // A slot that nobody waits for costs no commit: whoever comes to lack one brings the look along.
    const isWanted = tables === undefined || isLacking(tables)
    if (!(freed && isWanted) && !changed) return
    const change = { ...(slots === undefined ? {} : { slots }), ...(draining === undefined ? {} : { draining }) }
    this.#unit(owner, `a beat of ${name}`, (turn) => lookAgain(turn, owner, name, change))
  }

  /** That its daemon lives, and runs no less than this. What would have to be looked at is told again by the next beat. */
  #noteBeat(asked: Asked, presence: Presence): void {
    const { running } = asked.body as Beat
    this.#host.presence.set(`${asked.owner}/${asked.id}`, {
      ...presence,
      seenAt: this.#host.clock.monotonic(),
      running: Math.max(presence.running, running.length),
    })
    asked.reply({ known: true })
  }

  #bye(asked: Asked, name: string): void {
    const { session } = asked.body as { session: string }
    this.#ask(asked, async (turn) => {
      await loseDaemon(turn, asked.owner, name, session, `the daemon ${name} has left`)
      return {}
    })
  }

  /** The daemon itself decides and says so with its next beat: what the tables said without it, that beat would undo. */
  async #drain({ owner, reply }: Asked, name: string): Promise<void> {
    const daemon = (await this.#host.loader.registry(owner)).daemons.get(name)
    if (daemon === undefined)
      throw new WritError('NOT_FOUND', `there is no daemon ${name}`, { hint: 'writ daemon list shows those there are' })
    if (daemon.inbox !== null)
      throw new WritError('REFUSED', `${name} is a pull, which takes one task`, { hint: 'it needs no draining' })
    await this.#host.wire.drain(owner, name, daemon.session)
    reply({ daemon: { name, draining: true } })
  }

  /** A pull is a daemon of one slot, for one task, until it is answered or its time is over. */
  #pull(asked: Asked): void {
    const { owner, replyTo } = asked
    if (replyTo === null) return
    const {
      name = `pull-${this.#host.random.token(8)}`,
      roles = ['worker'],
      labels = {},
      executors = [],
      waitMs,
    } = asked.body as PullInput
    chosenId('daemon', name)
    const session = this.#host.random.token(12)
    this.#pulls.set(session, this.#host.clock.monotonic() + waitMs)
    const hello: Hello = { session, slots: 1, roles, labels, executors, running: [], draining: false }
    const fail = (error: unknown): void => {
      this.#pulls.delete(session)
      asked.fail(error)
    }
    const heard = { inbox: replyTo, heardAt: this.#host.now() }
    const run: Unit['run'] = async (turn) => {
      this.#checkReady(owner)
      return helloDaemon(turn, owner, name, hello, heard)
    }
    this.#push(unitOf(shardOf(owner, registryId), `pull ${name}`, run, { asker: { reply: () => {}, fail } }))
  }

  #ask({ owner, verb, id, reply, fail }: Asked, run: Unit['run']): void {
    this.#push(unitOf(shardOf(owner, registryId), `${verb} of ${id}`, withRun(run), { asker: { reply, fail } }))
  }

  #unit(owner: string, what: string, run: (turn: Turn) => Promise<void>): void {
    const unit = (turn: Turn): Promise<object> => run(turn).then(() => ({}))
    this.#push(unitOf(shardOf(owner, registryId), `${what} (${actorKey(owner, registryId)})`, withRun(unit)))
  }
}

const withRun =
  (run: Unit['run']): Unit['run'] =>
  async (turn) => {
    const reply = await run(turn)
    await turn.run()
    return reply
  }
