/** Leases and epochs of the simulated store: migrations/0002_leases.sql and 0010_sharing.sql, line by line. */
import type { HeldShard, Renewal, ThreadIdentity } from '../../src/actors/ports/store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { shardCount } from '../../src/protocol/limits.ts'
import type { Shard, Tables } from './tables.ts'

const cutFromMs = 1_000

export class SimLeases {
  readonly #tables: Tables
  readonly #now: () => number
  readonly #leaseMs: number

  constructor(tables: Tables, now: () => number, leaseMs: number) {
    this.#tables = tables
    this.#now = now
    this.#leaseMs = leaseMs
  }

  join(who: ThreadIdentity): Renewal {
    this.#dropExpired()
    for (const other of [...this.#tables.threads.values()]) if (precedes(other, who)) this.#fence(other)
    const unknown = writtenMachines([...this.#tables.threads.values()]).filter((m) => !who.machines.includes(m))
    if (unknown.length > 0)
      throw new WritError('REFUSED', `live nodes write machines that this node does not know: ${unknown.join(', ')}`)
    const leaving = this.#tables.threads.get(who.thread)?.leaving ?? false
    const expires = this.#now() + this.#leaseMs
    this.#tables.threads.set(who.thread, { ...structuredClone(who), expires, leaving })
    this.#cut(expires)
    return this.#renewal(who)
  }

  /** One that is over, and whose node does not know what others write by now, stays over (migrations/0018_late_renewal.sql). */
  renew(who: ThreadIdentity): Renewal {
    const lease = this.#tables.threads.get(who.thread)
    if (lease?.nonce !== who.nonce) throw over(who)
    const unknown = this.#written().filter((machine) => !lease.machines.includes(machine))
    if (lease.expires <= this.#now() && unknown.length > 0) throw over(who)
    lease.expires = this.#now() + this.#leaseMs
    this.#cut(lease.expires)
    return this.#renewal(who)
  }

  claim(who: ThreadIdentity, count: number): HeldShard[] {
    const lease = this.#tables.threads.get(who.thread)
    if (lease?.nonce !== who.nonce || lease.expires <= this.#now()) throw over(who)
    this.#dropExpired()
    const free = this.#entries().filter(
      ([, row]) => row.thread === null || this.#tables.threads.get(row.thread)?.nonce !== row.nonce,
    )
    return free.slice(0, Math.max(0, count)).map(([shard, row]) => {
      Object.assign(row, { thread: who.thread, nonce: who.nonce, epoch: row.epoch + 1 })
      return { shard, epoch: row.epoch }
    })
  }

  reclaim(who: ThreadIdentity, shards: readonly number[]): HeldShard[] {
    return this.#heldBy(who, shards).map(([shard, row]) => {
      row.epoch += 1
      return { shard, epoch: row.epoch }
    })
  }

  release(who: ThreadIdentity, shards: readonly number[]): void {
    for (const [, row] of this.#heldBy(who, shards)) Object.assign(row, { thread: null, nonce: null })
  }

  knowing(who: ThreadIdentity, machines: readonly string[]): string | null {
    const wanted = [...who.machines, ...machines]
    const able = this.#staying.filter(
      (other) => other.thread !== who.thread && wanted.every((machine) => other.machines.includes(machine)),
    )
    const all = this.#entries().map(([shard]) => shard)
    const held = (other: ThreadIdentity): number => this.#heldBy(other, all).length
    return able.toSorted((a, b) => held(a) - held(b) || (a.thread < b.thread ? -1 : 1))[0]?.thread ?? null
  }

  hand(who: ThreadIdentity, shards: readonly number[], to: string): void {
    const { thread = null, nonce = null } = this.#staying.find((other) => other.thread === to) ?? {}
    for (const [, row] of this.#heldBy(who, shards)) Object.assign(row, { thread, nonce })
  }

  drain(who: ThreadIdentity): Renewal {
    const lease = this.#tables.threads.get(who.thread)
    if (lease?.nonce !== who.nonce) throw over(who)
    lease.leaving = true
    return this.#renewal(who)
  }

  leave(who: ThreadIdentity): void {
    if (this.#tables.threads.get(who.thread)?.nonce === who.nonce) this.#tables.threads.delete(who.thread)
    this.release(
      who,
      this.#entries().map(([shard]) => shard),
    )
  }

  get #staying(): (ThreadIdentity & { leaving: boolean })[] {
    return [...this.#tables.threads.values()].filter(({ expires, leaving }) => expires > this.#now() && !leaving)
  }

  #entries(): [number, Shard][] {
    return [...this.#tables.shards.entries()]
  }

  #heldBy(who: ThreadIdentity, shards: readonly number[]): [number, Shard][] {
    return this.#entries().filter(
      ([shard, row]) => shards.includes(shard) && row.thread === who.thread && row.nonce === who.nonce,
    )
  }

  #dropExpired(): void {
    for (const { thread, expires } of [...this.#tables.threads.values()])
      if (expires <= this.#now()) this.#tables.threads.delete(thread)
  }

  /** One that is longer than one that is made now was made before the clock was set back: here all last as long (migrations/0017_own_length.sql). */
  #cut(expires: number): void {
    for (const lease of this.#tables.threads.values()) if (lease.expires > expires + cutFromMs) lease.expires = expires
  }

  #fence(other: ThreadIdentity): void {
    this.#tables.threads.delete(other.thread)
    for (const row of this.#tables.shards)
      if (row.thread === other.thread && row.nonce === other.nonce) Object.assign(row, { thread: null, nonce: null })
  }

  #written(): string[] {
    return writtenMachines([...this.#tables.threads.values()].filter(({ expires }) => expires > this.#now()))
  }

  #renewal(who: ThreadIdentity): Renewal {
    const staying = this.#staying
    const live = staying.length
    const place = staying
      .map(({ thread }) => thread)
      .toSorted()
      .indexOf(who.thread)
    const share = place < 0 ? 0 : Math.floor(shardCount / live) + (place < shardCount % live ? 1 : 0)
    const held = this.#heldBy(
      who,
      this.#entries().map(([shard]) => shard),
    )
    const machines = this.#written()
    return {
      now: this.#now(),
      live,
      share,
      machines,
      held: held.map(([shard, { epoch }]) => ({ shard, epoch })),
      incarnation: this.#tables.incarnation,
    }
  }
}

const over = (who: ThreadIdentity): WritError => new WritError('FENCED', `the lease of thread ${who.thread} is over`)

/** The same thread started again, or another start of the node on the same data folder. */
const precedes = (other: ThreadIdentity, who: ThreadIdentity): boolean =>
  (other.thread === who.thread && other.nonce !== who.nonce) ||
  (who.home !== null && other.home === who.home && other.node !== who.node)

/** Of each machine the highest version that every one of them knows. */
const writtenMachines = (threads: readonly ThreadIdentity[]): string[] => {
  const [first, ...others] = threads
  const common = (first?.machines ?? []).filter((machine) => others.every((other) => other.machines.includes(machine)))
  const highest = new Map<string, string>()
  for (const machine of common) {
    const [name = '', version = ''] = machine.split('@')
    const before = highest.get(name)
    if (before === undefined || before.localeCompare(version, 'en', { numeric: true }) < 0) highest.set(name, version)
  }
  return [...highest].map(([name, version]) => `${name}@${version}`)
}
