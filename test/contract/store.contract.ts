/**
 * Everything that the Store port promises, for any store: Postgres (postgres.test.ts) and its twin in the simulator
 * (sim-store.test.ts) keep the same contract, or what the simulator shows would prove nothing.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pack } from '../../src/actors/codec.ts'
import { contentHash } from '../../src/actors/content-hash.ts'
import type { Commit, Committed } from '../../src/actors/ports/rows.ts'
import type { HeldShard, Store, ThreadIdentity } from '../../src/actors/ports/store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { type ActorKey, shardOfKey } from '../../src/protocol/ids.ts'
import { leaseMs, replyKeptMs, shardCount, uploadKeptMs } from '../../src/protocol/limits.ts'
import * as make from './rows.ts'

export interface StoreWorld {
  /** Opened with the ordinary lease, and room for 3 messages in a mailbox of the stream's. */
  store: Store
  /** Lets that much time pass on the store's clock, at once. */
  advance: (ms: number) => Promise<void>
  /** A commit that has an entry of a journal, over a connection of its own: held up once its messages have their ids, until `meanwhile` is over. */
  heldUp: (thread: ThreadIdentity, commit: Commit, meanwhile: () => Promise<void>) => Promise<Committed>
  close: () => Promise<void>
}

export const mailboxOfTests = 3

export const storeContract = (name: string, open: () => Promise<StoreWorld>): void => {
  describe(`the store contract: ${name}`, () => {
    let world: StoreWorld
    let store: Store
    const me = make.identity('t1')

    beforeEach(async () => {
      world = await open()
      store = world.store
    })
    afterEach(() => world.close())

    /** Joins and takes every shard, each under epoch 1. */
    const hold = async (thread: ThreadIdentity = me): Promise<void> => {
      await store.join(thread)
      await store.claim(thread, shardCount)
    }
    const commit = (rows: Partial<Commit>): Promise<Committed> =>
      store.commit(me, { shards: [{ shard: 0, epoch: 1 }], ...rows })
    const only = async (key: `${string}/${string}`) => (await store.actors([key]))[0]

    leases(() => world, hold)
    fencing(() => world, hold)
    commits(() => world, hold, commit, only)
    records(() => world, hold, commit)
    mailboxes(() => world, hold, commit)
    timers(() => world, hold, commit)
    texts(() => world, hold, commit)
    slots(() => world, hold, commit)
    besides(() => world, hold, commit)
  })
}

type World = () => StoreWorld
type Hold = (thread?: ThreadIdentity) => Promise<void>
type CommitAs = (rows: Partial<Commit>) => Promise<Committed>

const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const outcome = await promise.then(
    () => 'no refusal',
    (error: unknown) => error,
  )
  return outcome instanceof WritError ? outcome.code : String(outcome)
}

const shardsOf = (held: readonly HeldShard[]): number[] => held.map(({ shard }) => shard)

/** Compared by content, whatever kind of byte array a store hands out. */
const bytesOf = (bytes: Uint8Array | null | undefined): string => (bytes ? Buffer.from(bytes).toString('hex') : 'none')

const leases = (world: World, hold: Hold): void => {
  describe('leases', () => {
    test('a thread joins, takes as many free shards as it asks for, and finds them again at renewal', async () => {
      const { store } = world()
      const joined = await store.join(make.identity('a'))
      expect(joined).toMatchObject({ live: 1, held: [] })
      const taken = await store.claim(make.identity('a'), 3)
      expect(taken).toHaveLength(3)
      expect(taken.every(({ epoch }) => epoch === 1)).toBe(true)
      expect((await store.renew(make.identity('a'))).held).toEqual(taken)
    })

    test('joining again with the same nonce keeps what the thread holds', async () => {
      const { store } = world()
      await store.join(make.identity('a'))
      const taken = await store.claim(make.identity('a'), 2)
      expect((await store.join(make.identity('a'))).held).toEqual(taken)
    })

    test('no shard has two holders, and all of them are taken once there are claims enough', async () => {
      const { store } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await store.join(a)
      expect((await store.join(b)).live).toBe(2)
      const [ofA, ofB] = await Promise.all([store.claim(a, 128), store.claim(b, 128)])
      const more = await store.claim(a, shardCount)
      const all = [...shardsOf(ofA), ...shardsOf(ofB), ...shardsOf(more)]
      expect(new Set(all).size).toBe(shardCount)
      expect(all).toHaveLength(shardCount)
      expect(await store.claim(b, 1)).toEqual([])
    })

    test('a lease that is over frees its shards for others, with new epochs, and its thread is fenced', async () => {
      const { store, advance } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await hold(a)
      await advance(leaseMs / 2)
      await store.join(b)
      expect(await store.claim(b, shardCount)).toEqual([])
      await advance(leaseMs / 2 + 1)
      const taken = await store.claim(b, shardCount)
      expect(taken).toHaveLength(shardCount)
      expect(taken.every(({ epoch }) => epoch === 2)).toBe(true)
      expect(await refusal(store.renew(a))).toBe('FENCED')
      expect(await refusal(store.claim(a, 1))).toBe('FENCED')
    })

    test('a renewal extends the lease, and counts the threads that live', async () => {
      const { store, advance } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await store.join(a)
      await store.join(b)
      await advance(leaseMs * 0.6)
      expect((await store.renew(a)).live).toBe(2)
      await advance(leaseMs * 0.6)
      expect((await store.renew(a)).live).toBe(1)
    })

    test('a lease that is over but was taken by nobody may still be renewed', async () => {
      const { store, advance } = world()
      await hold()
      await advance(leaseMs * 2)
      expect((await store.renew(make.identity('t1'))).held).toHaveLength(shardCount)
    })

    test('released shards are free at once, and their epochs go on', async () => {
      const { store } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await hold(a)
      await store.join(b)
      await store.release(a, [7, 8])
      expect(await store.claim(b, shardCount)).toEqual([
        { shard: 7, epoch: 2 },
        { shard: 8, epoch: 2 },
      ])
      expect((await store.renew(a)).held).toHaveLength(shardCount - 2)
    })

    test('shards are handed to a thread that can open more, which takes them up with new epochs; who handed them over is fenced', async () => {
      const { store } = world()
      const [a, b, c] = [
        make.identity('a'),
        make.identity('b', { machines: [...make.identity('b').machines, 'step@1000'] }),
        make.identity('c'),
      ]
      await hold(a)
      expect(await store.knowing(a, ['step@1000'])).toBe(null)
      for (const thread of [b, c]) await store.join(thread)
      expect(await store.knowing(a, ['step@1000'])).toBe('b')
      expect(await store.knowing(a, ['step@2000'])).toBe(null)
      await store.hand(a, [7, 8], 'b')
      expect(await store.claim(c, 1)).toEqual([])
      expect((await store.renew(a)).held).toHaveLength(shardCount - 2)
      expect((await store.renew(b)).held.map(({ shard }) => shard)).toEqual([7, 8])
      expect(await refusal(store.commit(a, { shards: [{ shard: 7, epoch: 1 }] }))).toBe('FENCED')
      expect(await store.reclaim(b, [6, 7, 8])).toEqual([
        { shard: 7, epoch: 2 },
        { shard: 8, epoch: 2 },
      ])
    })

    test('shards that are handed to a thread that leaves, or to none, are free; nobody hands over what he does not hold', async () => {
      const { store } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await hold(a)
      await store.join(b)
      await store.hand(b, [1], 'b')
      await store.drain(b)
      expect(await store.knowing(a, [])).toBe(null)
      await store.hand(a, [7], 'b')
      await store.hand(a, [8], 'nobody')
      expect((await store.claim(a, shardCount)).map(({ shard }) => shard)).toEqual([7, 8])
    })

    test('the shares of all threads are all shards, differ by one at most, and stay while nobody comes or goes', async () => {
      const { store } = world()
      const threads = ['a', 'b', 'c'].map((name) => make.identity(name))
      for (const thread of threads) await store.join(thread)
      const renewed = async (): Promise<number[]> =>
        (await Promise.all(threads.map((thread) => store.renew(thread)))).map(({ share }) => share)
      expect(await renewed()).toEqual([86, 85, 85])
      expect(await renewed()).toEqual([86, 85, 85])
    })

    test('a thread that is leaving has no share, keeps what it holds until it gives it up, and the others share all', async () => {
      const { store } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await hold(a)
      expect((await store.join(b)).share).toBe(shardCount / 2)
      const drained = await store.drain(a)
      expect(drained).toMatchObject({ live: 1, share: 0 })
      expect(drained.held).toHaveLength(shardCount)
      expect(await store.renew(b)).toMatchObject({ live: 1, share: shardCount })
      expect(await store.claim(b, shardCount)).toEqual([])
      expect(await store.commit(a, { shards: [{ shard: 3, epoch: 1 }] })).toEqual({ messages: [] })
      expect((await store.renew(a)).share).toBe(0)
    })

    test('a thread whose lease is gone cannot say that it leaves', async () => {
      const { store } = world()
      await store.join(make.identity('a'))
      await store.leave(make.identity('a'))
      expect(await refusal(store.drain(make.identity('a')))).toBe('FENCED')
    })

    test('what another thread holds is not released', async () => {
      const { store } = world()
      await hold(make.identity('a'))
      await store.join(make.identity('b'))
      await store.release(make.identity('b'), [1])
      expect(await store.claim(make.identity('b'), shardCount)).toEqual([])
    })

    test('a thread that leaves gives everything back', async () => {
      const { store } = world()
      const [a, b] = [make.identity('a'), make.identity('b')]
      await hold(a)
      await store.leave(a)
      expect((await store.join(b)).live).toBe(1)
      expect(await store.claim(b, shardCount)).toHaveLength(shardCount)
      expect(await refusal(store.renew(a))).toBe('FENCED')
    })

    test('a node that starts again on its own data folder fences its predecessor at once, siblings excepted', async () => {
      const { store } = world()
      const old = make.identity('old/0', { home: 'folder', node: 'first' })
      const [zero, one] = [0, 1].map((n) => make.identity(`new/${n}`, { home: 'folder', node: 'second' })) as [
        ThreadIdentity,
        ThreadIdentity,
      ]
      await hold(old)
      expect((await store.join(zero)).live).toBe(1)
      expect(await refusal(store.commit(old, { shards: [{ shard: 3, epoch: 1 }] }))).toBe('FENCED')
      expect(await refusal(store.renew(old))).toBe('FENCED')
      expect((await store.join(one)).live).toBe(2)
      expect(await store.claim(one, shardCount)).toHaveLength(shardCount)
      expect((await store.renew(zero)).live).toBe(2)
    })

    test('a thread that starts again under its name, with a new nonce, begins without shards', async () => {
      const { store } = world()
      await hold()
      const again = make.identity('t1', { nonce: 'another' })
      expect((await store.join(again)).held).toEqual([])
      expect(await refusal(store.commit(make.identity('t1'), { shards: [{ shard: 3, epoch: 1 }] }))).toBe('FENCED')
      expect(await store.claim(again, 1)).toEqual([{ shard: 0, epoch: 2 }])
    })

    test('of each machine the highest version that every live node knows is written, and every renewal says which', async () => {
      const { store, advance } = world()
      const [old, both] = [
        ['step@2', 'directive@1'],
        ['step@2', 'step@10', 'directive@1'],
      ]
      expect((await store.join(make.identity('old', { machines: old }))).machines.toSorted()).toEqual(old.toSorted())
      const me = make.identity('new', { machines: both })
      expect((await store.join(me)).machines.toSorted()).toEqual(old.toSorted())
      await advance(leaseMs / 2)
      await store.renew(me)
      await advance(leaseMs / 2 + 1)
      // The old one has not renewed its lease: it is there no more.
      expect((await store.renew(me)).machines.toSorted()).toEqual(['directive@1', 'step@10'])
    })

    test('a node that lacks a machine which live nodes write is refused; one that knows more is not', async () => {
      const { store, advance } = world()
      await store.join(make.identity('a', { machines: ['step@1', 'step@2'] }))
      expect(await refusal(store.join(make.identity('b', { machines: ['step@1'] })))).toBe('REFUSED')
      await store.join(make.identity('c', { machines: ['step@2', 'step@10'] }))
      await advance(leaseMs + 1)
      await store.join(make.identity('b', { machines: ['step@1'] }))
    })

    test('a lease that is over is renewed, unless live nodes write by then what its node does not know', async () => {
      const { store, advance } = world()
      const [old, newer] = [
        make.identity('old', { machines: ['step@1'] }),
        make.identity('new', { machines: ['step@1', 'step@2'] }),
      ]
      await store.join(old)
      await advance(leaseMs + 1)
      await store.renew(old)
      await store.join(newer)
      await advance(leaseMs / 2)
      await store.renew(newer)
      await advance(leaseMs / 2 + 1)
      expect((await store.renew(newer)).machines).toEqual(['step@2'])
      expect(await refusal(store.renew(old))).toBe('FENCED')
      expect(await refusal(store.join(old))).toBe('REFUSED')
    })
  })
}

const fencing = (world: World, hold: Hold): void => {
  describe('fencing', () => {
    const me = make.identity('t1')
    const nothing = (epoch: number, shard = 3): Commit => ({ shards: [{ shard, epoch }] })

    test('a commit under the present epoch and nonce is taken', async () => {
      await hold()
      expect(await world().store.commit(me, nothing(1))).toEqual({ messages: [] })
    })

    test('a stale epoch is fenced', async () => {
      const { store } = world()
      await hold()
      expect(await refusal(store.commit(me, nothing(0)))).toBe('FENCED')
      expect(await refusal(store.commit(me, nothing(2)))).toBe('FENCED')
    })

    test('another thread, or the same one with another nonce, is fenced under the same epoch', async () => {
      const { store } = world()
      await hold()
      expect(await refusal(store.commit(make.identity('t2'), nothing(1)))).toBe('FENCED')
      expect(await refusal(store.commit({ ...me, nonce: 'other' }, nothing(1)))).toBe('FENCED')
    })

    test('one shard of several that is not held fences the whole commit, and nothing of it is there', async () => {
      const { store } = world()
      await hold()
      await store.release(me, [5])
      const rows: Commit = {
        shards: [
          { shard: 0, epoch: 1 },
          { shard: 5, epoch: 1 },
        ],
        actors: [make.actorRow('d', 1)],
      }
      expect(await refusal(store.commit(me, rows))).toBe('FENCED')
      expect(await store.actors(['alice/d'])).toEqual([])
    })

    test('after new epochs were taken, a commit under the old ones is fenced', async () => {
      const { store } = world()
      await hold()
      expect(await store.reclaim(me, [3, 4])).toEqual([
        { shard: 3, epoch: 2 },
        { shard: 4, epoch: 2 },
      ])
      expect(await refusal(store.commit(me, nothing(1)))).toBe('FENCED')
      expect(await store.commit(me, nothing(2))).toEqual({ messages: [] })
      expect(await store.commit(me, nothing(1, 9))).toEqual({ messages: [] })
    })

    test('new epochs are given only for what is held', async () => {
      const { store } = world()
      await hold()
      await store.release(me, [3])
      expect(await store.reclaim(me, [3, 4])).toEqual([{ shard: 4, epoch: 2 }])
    })

    test('a commit that names no shard is fenced', async () => {
      await hold()
      expect(await refusal(world().store.commit(me, { shards: [] }))).toBe('FENCED')
    })

    test('an actor of a shard that the commit does not name is a conflict', async () => {
      const { store } = world()
      await hold()
      const rows: Commit = { ...nothing(1), actors: [make.actorRow('d', 1, { shard: 4 })] }
      expect(await refusal(store.commit(me, rows))).toBe('CONFLICT')
    })
  })
}

const commits = (
  world: World,
  hold: Hold,
  commit: CommitAs,
  only: (key: `${string}/${string}`) => Promise<{ row: { version: number; snapshot: Uint8Array } } | undefined>,
): void => {
  describe('snapshots', () => {
    beforeEach(() => hold())

    test('comes back as it was written, byte for byte', async () => {
      const row = make.actorRow('d', 1, { snapshot: new Uint8Array(Array.from({ length: 256 }, (_, n) => n)) })
      await commit({ actors: [row] })
      const [loaded] = await world().store.actors(['alice/d', 'alice/nobody'])
      expect(loaded?.parked).toBeNull()
      expect(bytesOf(loaded?.row.snapshot)).toBe(bytesOf(row.snapshot))
      expect({ ...loaded?.row, snapshot: null }).toEqual({ ...row, snapshot: null })
    })

    test('a version that is not the stored one plus one is a conflict', async () => {
      await commit({ actors: [make.actorRow('d', 1)] })
      expect(await refusal(commit({ actors: [make.actorRow('d', 1)] }))).toBe('CONFLICT')
      expect(await refusal(commit({ actors: [make.actorRow('d', 3)] }))).toBe('CONFLICT')
      expect(await refusal(commit({ actors: [make.actorRow('other', 2)] }))).toBe('CONFLICT')
      await commit({ actors: [make.actorRow('d', 2)] })
      expect((await only('alice/d'))?.row.version).toBe(2)
    })

    test('a conflict in one actor leaves the others as they were', async () => {
      await commit({ actors: [make.actorRow('d', 1)] })
      expect(await refusal(commit({ actors: [make.actorRow('d', 2), make.actorRow('e', 2)] }))).toBe('CONFLICT')
      expect((await only('alice/d'))?.row.version).toBe(1)
    })

    test('a conflict in the last section leaves nothing of the first ones', async () => {
      const { store } = world()
      const parked = [
        {
          message: 999_999,
          actor: 'alice/d' as const,
          from: 'alice/x',
          body: new Uint8Array([1]),
          reason: '',
          tries: 5,
          at: make.at,
        },
      ]
      const rows: Partial<Commit> = {
        actors: [make.actorRow('d', 1)],
        messages: [{ to: 'alice/x', from: 'alice/d', shard: 9, body: new Uint8Array([1]) }],
        timers: [{ key: 'alice/d', id: 'total', shard: 0, due: 0, generation: 1 }],
        events: [make.eventRow('d', 1)],
        tasks: [make.taskRow('d', 1)],
        directives: [make.directiveRow('d')],
        ready: [make.readyRow('d')],
        parked,
      }
      expect(await refusal(commit(rows))).toBe('CONFLICT')
      expect(await store.actors(['alice/d'])).toEqual([])
      expect(await store.directive('alice/d')).toBeNull()
      expect(await store.mailbox([9], 10)).toEqual([])
      expect(await store.dueTimers([0], 10)).toEqual([])
      expect(await store.tasks('alice', ['d__t1'])).toEqual([])
      expect((await store.desk('alice/d')).ready).toEqual([])
    })

    test('two rows with one key in one list are refused as bad input, and nothing is written', async () => {
      const rows = {
        actors: [make.actorRow('d', 1)],
        tasks: [make.taskRow('d', 1), make.taskRow('d', 1, { version: 2 })],
      }
      expect(await refusal(commit(rows))).toBe('BAD_INPUT')
      expect(await only('alice/d')).toBeUndefined()
    })

    test('what the caller changes afterwards changes nothing', async () => {
      const row = make.actorRow('d', 1)
      await commit({ actors: [row] })
      row.snapshot[0] = 99
      row.facts['passed'] = 99
      const [first] = await world().store.actors(['alice/d'])
      if (first !== undefined) first.row.facts['passed'] = 98
      const [second] = await world().store.actors(['alice/d'])
      expect(second?.row.snapshot[0]).toBe(1)
      expect(second?.row.facts).toEqual({ passed: 1 })
    })

    test('a faulted actor says why it is parked', async () => {
      await commit({ actors: [make.actorRow('d', 1)], faulted: [{ key: 'alice/d', reason: 'unknown version' }] })
      expect((await world().store.actors(['alice/d']))[0]?.parked).toBe('unknown version')
    })
  })
}

const records = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('records', () => {
    beforeEach(() => hold())

    test('a directive is there with its definition, its latest chain and the length of its history', async () => {
      const { store } = world()
      await commit({ directives: [make.directiveRow('d', { plan: 'p', steps: 3 })] })
      expect(await store.directive('alice/d')).toEqual({
        definition: make.definitionOf('Title of d'),
        title: 'Title of d',
        content: 'hash of the content',
        readyPlan: { hash: 'p', steps: 3 },
        chain: null,
        events: 0,
        createdAt: make.at,
      })
      const chain = { directive: 'alice/d' as const, title: 'T - Chain', description: '', steps: 2, at: make.at }
      await commit({
        chains: [
          { ...chain, generation: 1, hash: 'h1' },
          { ...chain, generation: 2, hash: 'h2' },
        ],
      })
      await commit({ events: [make.eventRow('d', 1), make.eventRow('d', 2)] })
      expect(await store.directive('alice/d')).toMatchObject({
        chain: { generation: 2, hash: 'h2', steps: 2 },
        events: 2,
      })
      expect(await store.directive('alice/nobody')).toBeNull()
    })

    test('a line of a history, a journal entry and a directive are written once', async () => {
      await commit({ directives: [make.directiveRow('d')], events: [make.eventRow('d', 1)] })
      expect(await refusal(commit({ events: [make.eventRow('d', 1)] }))).toBe('BAD_INPUT')
      expect(await refusal(commit({ directives: [make.directiveRow('d')] }))).toBe('BAD_INPUT')
      const entry = { key: 'alice/d' as const, version: 1, entries: new Uint8Array([1]) }
      await commit({ journal: [entry] })
      expect(await refusal(commit({ journal: [entry] }))).toBe('BAD_INPUT')
    })

    test('R44: an update of a task that is based on an old version is refused', async () => {
      const { store } = world()
      await commit({ tasks: [make.taskRow('d', 1)] })
      await commit({ tasks: [make.taskRow('d', 1, { status: 'starting', version: 2, daemon: 'd1', attempt: 1 })] })
      expect(await refusal(commit({ tasks: [make.taskRow('d', 1, { status: 'done', version: 2 })] }))).toBe('CONFLICT')
      expect(await store.tasks('alice', ['d__t1'])).toEqual([
        make.taskRow('d', 1, { status: 'starting', version: 2, daemon: 'd1', attempt: 1 }),
      ])
    })

    test('tasks are found by owner and id, and nobody sees those of another', async () => {
      const { store } = world()
      await commit({ tasks: [make.taskRow('d', 1), make.taskRow('d', 2), make.taskRow('d', 1, { owner: 'bob' })] })
      expect((await store.tasks('alice', ['d__t2', 'd__t1', 'none'])).map((row) => row.id)).toEqual(['d__t1', 'd__t2'])
      expect(await store.tasks('carol', ['d__t1'])).toEqual([])
    })

    test('R43: a report that comes late is kept beside its attempt, which stays as it was closed', async () => {
      const { store } = world()
      const closed = make.attemptRow('d', 1, { closedAt: make.at, closed: 'lost', asked: 'cancel', result: 'r' })
      await commit({ attempts: [closed] })
      expect(await store.attempt('alice', 'd__t1', 1)).toEqual(closed)
      expect(await store.attempt('alice', 'd__t1', 2)).toBeNull()
      expect(await store.attempt('bob', 'd__t1', 1)).toBeNull()
      const reported = JSON.stringify({ verb: 'done', counted: false, at: make.at, result: 'a\0b' })
      await commit({ late: [{ owner: 'alice', task: 'd__t1', attempt: 1, reported }] })
      expect(await store.attempt('alice', 'd__t1', 1)).toEqual({ ...closed, reported })
    })

    test('attempts that are open are found by shard and by directive until they are closed', async () => {
      const { store } = world()
      const step = make.attemptRow('d__1_0', 1, { shard: 4 })
      await commit({ attempts: [make.attemptRow('d', 1), step] })
      expect(await store.openAttempts([4, 5])).toEqual([step])
      expect((await store.desk('alice/d')).attempts).toHaveLength(2)
      const closed = { closedAt: make.at, closed: 'done', reason: 'it said so', commit: 'c1' } as const
      await commit({
        attempts: [
          { ...step, ...closed },
          { ...step, attempt: 2 },
        ],
      })
      expect(await store.openAttempts([4])).toEqual([{ ...step, attempt: 2 }])
    })

    test('evaluations of a step and of the directive are kept side by side', async () => {
      const verdict = {
        passed: true,
        overallScore: 1,
        confidenceLevel: null,
        criteriaResults: null,
        summaryFeedback: '',
      }
      const row = {
        directive: 'alice/d' as const,
        number: 1,
        task: 2,
        type: 'monitoring' as const,
        evaluator: 'automated' as const,
        verdict: { ...verdict, reworkInstructions: null, steps: [] },
        at: make.at,
      }
      await commit({
        evaluations: [
          { ...row, step: 0 },
          { ...row, step: null, type: 'acceptance' },
        ],
      })
      expect(await refusal(commit({ evaluations: [{ ...row, step: null }] }))).toBe('BAD_INPUT')
    })

    test('owners of registries are found by shard', async () => {
      const registry = (owner: string, shard: number) =>
        make.actorRow('__registry', 1, { key: `${owner}/__registry`, owner, kind: 'registry', directive: null, shard })
      const { store } = world()
      const shards = [
        { shard: 1, epoch: 1 },
        { shard: 2, epoch: 1 },
      ]
      await commit({ shards, actors: [registry('bob', 1), registry('alice', 1), registry('carol', 2)] })
      expect(await store.registries([1])).toEqual(['alice', 'bob'])
      expect(await store.registries([3])).toEqual([])
    })
  })
}

const mailboxes = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('the mailbox', () => {
    beforeEach(() => hold())
    const message = (to: string, shard: number, byte: number) => ({
      to: `alice/${to}` as const,
      from: 'alice/sender',
      shard,
      body: new Uint8Array([byte]),
    })
    const streamed = (sequence: number, more: object = {}) => ({
      incarnation: 'i1',
      sequence,
      to: 'alice/d' as const,
      shard: 2,
      body: new Uint8Array([sequence]),
      ...more,
    })

    test('ids ascend, are handed back in the order of the messages, and order what is read', async () => {
      const { store } = world()
      const bytes = Array.from({ length: 50 }, (_, n) => n)
      const first = await commit({ messages: bytes.map((byte) => message('d', byte % 3, byte)) })
      const second = await commit({ messages: [message('d', 1, 50)] })
      const ids = [...first.messages, ...second.messages]
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
      const read = await store.mailbox([0, 1, 2], 100)
      expect(read.map((row) => [row.id, row.body[0]])).toEqual(ids.map((id, n) => [id, n]))
      expect(read[0]).toMatchObject({ to: 'alice/d', from: 'alice/sender', shard: 0, tries: 0 })
    })

    test('a lower id may be seen after a higher one: a message has its id before its commit holds', async () => {
      const { store, heldUp } = world()
      const seen = async (): Promise<[number, number | undefined][]> =>
        (await store.mailbox([0], 10)).map((row) => [row.id, row.body[0]])
      const first = await commit({ messages: [message('a', 0, 1)] })
      let sooner: Committed = { messages: [] }
      const journal = [{ key: 'alice/b', version: 1, entries: new Uint8Array([1]) }] as const
      const rows = { shards: [{ shard: 0, epoch: 1 }], messages: [message('b', 0, 2)], journal }
      const late = await heldUp(make.identity('t1'), rows, async () => {
        sooner = await commit({ messages: [message('c', 0, 3)] })
        expect(await seen()).toEqual([
          [first.messages[0], 1],
          [sooner.messages[0], 3],
        ])
      })
      expect(late.messages[0]).toBeLessThan(sooner.messages[0] ?? 0)
      expect(await seen()).toEqual([
        [first.messages[0], 1],
        [late.messages[0], 2],
        [sooner.messages[0], 3],
      ])
    })

    test('only messages of the shards that were asked for are read, oldest first, up to the limit', async () => {
      const { store } = world()
      await commit({ messages: [message('a', 1, 1), message('b', 2, 2), message('c', 1, 3), message('d', 3, 4)] })
      expect((await store.mailbox([1, 3], 2)).map((row) => row.body[0])).toEqual([1, 3])
      expect(await store.mailbox([], 10)).toEqual([])
    })

    test('a message is consumed by exactly one commit', async () => {
      const { store } = world()
      const { messages } = await commit({ messages: [message('d', 2, 1), message('d', 2, 2)] })
      await commit({ consumed: messages.slice(0, 1) })
      expect(await refusal(commit({ consumed: messages }))).toBe('CONFLICT')
      expect((await store.mailbox([2], 10)).map((row) => row.body[0])).toEqual([2])
    })

    test('naming a message twice in one commit is a conflict', async () => {
      const { messages } = await commit({ messages: [message('d', 2, 1)] })
      expect(await refusal(commit({ consumed: [...messages, ...messages] }))).toBe('CONFLICT')
    })

    test('a parked message has left the mailbox, and its actor is passed over once it is faulted', async () => {
      const { store } = world()
      const { messages } = await commit({
        messages: [message('bad', 2, 1), message('bad', 2, 2), message('good', 2, 3)],
      })
      const [poison = 0] = messages
      const parked = [
        {
          message: poison,
          actor: 'alice/bad' as const,
          from: 'alice/x',
          body: new Uint8Array([1]),
          reason: 'why',
          tries: 5,
          at: make.at,
        },
      ]
      await commit({ parked })
      expect((await store.mailbox([2], 10)).map((row) => row.body[0])).toEqual([2, 3])
      expect(await refusal(commit({ parked }))).toBe('CONFLICT')
      await commit({ faulted: [{ key: 'alice/bad', reason: 'why' }] })
      expect((await store.mailbox([2], 10)).map((row) => row.body[0])).toEqual([3])
    })

    test('a directive that is mended has its messages again, its steps as well, and nobody else', async () => {
      const { store } = world()
      await commit({ actors: [make.actorRow('d', 1), make.actorRow('d__1_0', 1), make.actorRow('d_', 1)] })
      const { messages } = await commit({
        messages: [message('d__1_0', 0, 1), message('d', 0, 2), message('d_', 0, 3), message('d', 0, 4)],
      })
      const [first = 0, second = 0, third = 0] = messages
      const parkedOf = (id: number, actor: 'alice/d' | 'alice/d__1_0' | 'alice/d_', byte: number) => ({
        message: id,
        actor,
        from: 'alice/x',
        body: new Uint8Array([byte]),
        reason: 'why',
        tries: 5,
        at: make.at,
      })
      const faulted = (['alice/d', 'alice/d__1_0', 'alice/d_'] as const).map((key) => ({ key, reason: 'why' }))
      await commit({
        parked: [parkedOf(first, 'alice/d__1_0', 1), parkedOf(second, 'alice/d', 2), parkedOf(third, 'alice/d_', 3)],
        faulted,
      })
      expect(await store.mailbox([0], 10)).toEqual([])
      expect(await store.countTry(messages[3] ?? 0, 'why')).toBe(1)
      await commit({ mended: ['alice/d'] })
      const rows = await store.mailbox([0], 10)
      expect(rows.map(({ tries }) => tries)).toEqual([0, 0, 0])
      expect(rows.map(({ to, from, body }) => [to, from, body[0]])).toEqual([
        ['alice/d__1_0', 'alice/x', 1],
        ['alice/d', 'alice/x', 2],
        ['alice/d', expect.any(String), 4],
      ])
      const actors = await store.actors(['alice/d', 'alice/d_'])
      expect(new Map(actors.map(({ row, parked }) => [row.key, parked]))).toEqual(
        new Map([
          ['alice/d', null],
          ['alice/d_', 'why'],
        ]),
      )
    })

    test('what an actor told another waits while an earlier word of it is parked; what a registry told or others did does not', async () => {
      const { store } = world()
      const [actor, desk] = ['alice/d', 'alice/__registry'] as const
      const told = (from: string, to: ActorKey = actor) => ({ ...message('d', 0, 1), from, to })
      const sent = await commit({
        messages: [told('alice/x'), told(desk), told('alice/x'), told(desk), told('alice/y'), told('alice/x', desk)],
      })
      const [first = 0, fromDesk = 0, second = 0, desks = 0, others = 0, toDesk = 0] = sent.messages
      const parkedOf = (id: number, from: string) => ({
        ...{ message: id, actor, from, body: new Uint8Array([1]) },
        ...{ reason: 'why', tries: 5, at: make.at },
      })
      await commit({ parked: [parkedOf(first, 'alice/x'), parkedOf(fromDesk, desk)] })
      const ids = async () => (await store.mailbox([0], 10)).map(({ id }) => id)
      expect(await ids()).toEqual([desks, others, toDesk])
      const shard = shardOfKey(actor)
      expect(await store.parkedAhead([shard])).toEqual([{ id: first, to: actor, from: 'alice/x' }])
      expect(await store.parkedAhead([shard + 1])).toEqual([])
      await commit({ unparked: [{ message: first, actor, shard: 0, back: true }] })
      expect(await ids()).toEqual([first, second, desks, others, toDesk])
      expect(await store.parkedAhead([shard])).toEqual([])
    })

    test('a parked message goes back to the place that it had, or is dropped, once; and its actor is tried again alone', async () => {
      const { store } = world()
      await commit({ actors: [make.actorRow('d', 1), make.actorRow('d__1_0', 1)] })
      const sent = await commit({ messages: [1, 2, 3, 4].map((byte) => message('d', 0, byte)) })
      const [first = 0, second = 0, third = 0, fourth = 0] = sent.messages
      const actor = 'alice/d' as const
      const bytes = async () => (await store.mailbox([0], 10)).map((row) => [row.body[0], row.tries])
      const parkedOf = (id: number, byte: number) => ({
        ...{ message: id, actor, from: 'alice/x', body: new Uint8Array([byte]) },
        ...{ reason: 'why', tries: 5, at: make.at },
      })
      await commit({ parked: [parkedOf(first, 1), parkedOf(second, 2)] })
      expect(await store.stopped('alice', first)).toMatchObject({ actor, tries: 5, reason: 'why', waits: false })
      expect(await store.stopped('bob', first)).toBeNull()
      expect(await store.stopped('alice', third)).toBeNull()
      const unparked = (id: number, back: boolean) => [{ message: id, actor, shard: 0, back }]
      await commit({ unparked: unparked(first, true) })
      expect(await bytes()).toEqual([
        [1, 0],
        [3, 0],
        [4, 0],
      ])
      expect(await refusal(commit({ unparked: unparked(first, true) }))).toBe('CONFLICT')
      await commit({ unparked: unparked(second, false) })
      expect(await refusal(commit({ unparked: unparked(second, false) }))).toBe('CONFLICT')
      expect(await store.stopped('alice', second)).toBeNull()
      await store.countTry(fourth, 'why')
      await commit({ faulted: [actor, 'alice/d__1_0' as const].map((key) => ({ key, reason: 'its fault' })) })
      expect(await store.stopped('alice', fourth)).toMatchObject({ actor, tries: 1, reason: 'its fault', waits: true })
      await commit({ unfaulted: [actor] })
      expect((await bytes()).at(-1)).toEqual([4, 0])
      const actors = await store.actors([actor, 'alice/d__1_0'])
      expect(new Map(actors.map(({ row, parked }) => [row.key, parked]))).toEqual(
        new Map([
          [actor, null],
          ['alice/d__1_0', 'its fault'],
        ]),
      )
    })

    test('tries are counted outside of the commit that fails', async () => {
      const { store } = world()
      const { messages } = await commit({ messages: [message('d', 2, 1)] })
      const [id = 0] = messages
      expect(await store.countTry(id, 'first \0')).toBe(1)
      expect(await refusal(commit({ consumed: [id], actors: [make.actorRow('d', 9)] }))).toBe('CONFLICT')
      expect(await store.countTry(id, 'second')).toBe(2)
      expect((await store.mailbox([2], 10))[0]).toMatchObject({ tries: 2, reason: 'second' })
      expect(await store.countTry(id + 1000, 'of nothing')).toBe(0)
    })

    test('what the stream brings twice is taken once, per incarnation', async () => {
      const { store } = world()
      expect(await store.enqueue(streamed(1))).toBe(true)
      expect(await store.enqueue(streamed(1))).toBe(false)
      expect(await store.enqueue(streamed(1, { incarnation: 'i2' }))).toBe(true)
      const read = await store.mailbox([2], 10)
      expect(read).toHaveLength(2)
      await commit({ consumed: read.map((row) => row.id) })
      expect(await store.enqueue(streamed(1))).toBe(false)
      expect(await store.mailbox([2], 10)).toEqual([])
    })

    test('a full mailbox takes nothing from the stream until there is room, and others are not concerned', async () => {
      const { store } = world()
      for (let n = 1; n <= mailboxOfTests; n++) expect(await store.enqueue(streamed(n))).toBe(true)
      expect(await refusal(store.enqueue(streamed(100)))).toBe('TOO_LARGE')
      expect(await refusal(store.enqueue(streamed(100)))).toBe('TOO_LARGE')
      expect(await store.enqueue(streamed(101, { to: 'alice/other' }))).toBe(true)
      await commit({ messages: [message('d', 2, 9)] })
      const read = await store.mailbox([2], 10)
      await commit({ consumed: read.slice(0, 3).map((row) => row.id) })
      expect(await store.enqueue(streamed(100))).toBe(true)
    })
  })
}

const timers = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('timers', () => {
    let now = 0
    beforeEach(async () => {
      await hold()
      now = (await world().store.renew(make.identity('t1'))).now
    })
    const timer = (id: string, due: number, generation = 1, shard = 0) => ({
      key: 'alice/d' as const,
      id,
      shard,
      due,
      generation,
    })

    test('a timer is due by the store’s clock and never before', async () => {
      const { store, advance } = world()
      await commit({
        timers: [timer('late', now + 60_000), timer('later', now + 120_000), timer('elsewhere', now, 1, 7)],
      })
      expect(await store.dueTimers([0], 10)).toEqual([])
      expect(await store.nextTimer([0])).toBe(now + 60_000)
      expect(await store.nextTimer([1])).toBeNull()
      expect((await store.dueTimers([7], 10)).map(({ id }) => id)).toEqual(['elsewhere'])
      await advance(60_001)
      expect((await store.dueTimers([0], 10)).map(({ id }) => id)).toEqual(['late'])
    })

    test('those that are due come by their times, up to the limit', async () => {
      await commit({ timers: [timer('b', now - 1), timer('a', now - 2), timer('c', now - 3)] })
      expect((await world().store.dueTimers([0], 2)).map(({ id }) => id)).toEqual(['c', 'a'])
    })

    test('setting a timer again replaces it', async () => {
      const { store } = world()
      await commit({ timers: [timer('t', now - 1)] })
      await commit({ timers: [timer('t', now + 60_000, 2)] })
      expect(await store.dueTimers([0], 10)).toEqual([])
      expect(await refusal(commit({ fired: [{ key: 'alice/d', id: 't', generation: 1 }] }))).toBe('CONFLICT')
    })

    test('a timer fires once, and only in the generation that set it', async () => {
      await commit({ timers: [timer('t', now - 1, 4)] })
      expect(await refusal(commit({ fired: [{ key: 'alice/d', id: 't', generation: 3 }] }))).toBe('CONFLICT')
      await commit({ fired: [{ key: 'alice/d', id: 't', generation: 4 }] })
      expect(await refusal(commit({ fired: [{ key: 'alice/d', id: 't', generation: 4 }] }))).toBe('CONFLICT')
    })

    test('a cancelled timer never fires; cancelling what is not there is nothing', async () => {
      await commit({ timers: [timer('t', now - 1)] })
      await commit({
        cancelledTimers: [
          { key: 'alice/d', id: 't' },
          { key: 'alice/d', id: 'none' },
        ],
      })
      expect(await world().store.dueTimers([0], 10)).toEqual([])
      expect(await refusal(commit({ fired: [{ key: 'alice/d', id: 't', generation: 1 }] }))).toBe('CONFLICT')
    })

    test('one commit may fire a timer and set it again', async () => {
      await commit({ timers: [timer('t', now - 1)] })
      await commit({ fired: [{ key: 'alice/d', id: 't', generation: 1 }], timers: [timer('t', now - 1, 2)] })
      expect((await world().store.dueTimers([0], 10)).map(({ generation }) => generation)).toEqual([2])
    })

    test('timers of a faulted actor wait', async () => {
      await commit({ timers: [timer('t', now - 1)], faulted: [{ key: 'alice/d', reason: 'why' }] })
      expect(await world().store.dueTimers([0], 10)).toEqual([])
      expect(await world().store.nextTimer([0])).toBeNull()
    })
  })
}

const texts = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('text that Postgres cannot hold', () => {
    beforeEach(() => hold())
    const nasty = 'a\0b\uD800c\uDC00d\u{1F600}e\\u0000\\\\f"\n'
    const shown = 'a\uFFFDb\uFFFDc\uFFFDd\u{1F600}e\\u0000\\\\f"\n'

    test('comes back exactly in definitions, plans and replies', async () => {
      const { store } = world()
      const definition = make.definitionOf(nasty, { goal: { [nasty]: [nasty] } })
      const reply = { [nasty]: nasty }
      await commit({
        directives: [make.directiveRow('d', { definition })],
        replies: [{ owner: 'alice', command: 'c1', reply, at: Date.now() + replyKeptMs * 2000 }],
      })
      await store.stage('h', [make.planRow(0, { name: nasty, taskPlan: nasty }), make.planRow(1, { name: shown })])
      expect((await store.directive('alice/d'))?.definition).toEqual(definition)
      expect(await store.reply('alice', 'c1')).toEqual({ reply })
      expect((await store.planRows('h', 0, 9))[0]).toEqual(make.planRow(0, { name: nasty, taskPlan: nasty }))
      expect(await store.stepIndexes('h', [shown, nasty])).toEqual(
        new Map([
          [nasty, 0],
          [shown, 1],
        ]),
      )
    })

    test('is replaced by U+FFFD in what is displayed', async () => {
      const { store } = world()
      const task = make.taskRow('d', 1, { reason: nasty, feedback: nasty })
      await commit({
        actors: [make.actorRow('d', 1, { waiting: nasty, facts: { [nasty]: [nasty, { deep: nasty }] } })],
        tasks: [task],
        events: [make.eventRow('d', 1, { data: { text: nasty } })],
        directives: [make.directiveRow('d', { title: nasty })],
      })
      const [actor] = await store.actors(['alice/d'])
      expect(actor?.row.waiting).toBe(shown)
      expect(actor?.row.facts).toEqual({ [shown]: [shown, { deep: shown }] })
      expect(await store.tasks('alice', ['d__t1'])).toEqual([{ ...task, reason: shown, feedback: shown }])
      expect((await store.directive('alice/d'))?.title).toBe(shown)
    })

    test('bodies, journal entries and file contents are bytes', async () => {
      const { store } = world()
      const body = new Uint8Array([0, 216, 0, 255])
      await commit({
        messages: [{ to: 'alice/d', from: 'alice/e', shard: 1, body }],
        journal: [{ key: 'alice/d', version: 1, entries: body }],
      })
      await store.putBlob('hash', body)
      expect(bytesOf((await store.mailbox([1], 1))[0]?.body)).toBe('00d800ff')
      expect(bytesOf(await store.blob('hash'))).toBe('00d800ff')
    })
  })
}

const slots = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('slots', () => {
    beforeEach(() => hold())

    test('R41: a desk has its waiting tasks by priority, then age, and the grants that it holds', async () => {
      const { store } = world()
      const ready = [
        make.readyRow('young', { since: make.at + 1 }),
        make.readyRow('old'),
        make.readyRow('urgent', { priority: 8, role: 'evaluator', executor: 'checks', begun: true, manual: true }),
      ]
      const held = [make.heldRow('g2', { number: 2, actor: 'alice/old', task: 4, role: 'worker' }), make.heldRow('g1')]
      await commit({ ready, held })
      await commit({ ready: [make.readyRow('x', { directive: 'alice/other' })] })
      const desk = await store.desk('alice/d')
      expect(desk.ready).toEqual([ready[2], ready[1], ready[0]])
      expect(desk.held).toEqual([held[1], held[0]])
    })

    test('waiting tasks and grants are replaced and withdrawn', async () => {
      const { store } = world()
      await commit({ ready: [make.readyRow('a'), make.readyRow('b')], held: [make.heldRow('g1'), make.heldRow('g2')] })
      await commit({
        ready: [make.readyRow('a', { number: 2 })],
        unready: ['alice/b', 'alice/none'],
        held: [make.heldRow('g1', { reuses: 3 })],
        unheld: [{ directive: 'alice/d', id: 'g2' }],
      })
      expect(await store.desk('alice/d')).toEqual({
        ready: [make.readyRow('a', { number: 2 })],
        held: [make.heldRow('g1', { reuses: 3 })],
        attempts: [],
      })
    })

    test('a registry has its daemons, needs and grants, and no other owner’s', async () => {
      const { store } = world()
      const line = {
        role: 'worker' as const,
        labels: { os: 'linux' },
        executor: null,
        count: 2,
        priority: 5,
        since: make.at,
      }
      const need = { owner: 'alice', directive: 'alice/d' as const, lines: [line], seen: 3, granted: 4 }
      await commit({
        daemons: [make.daemonRow('b'), make.daemonRow('a')],
        needs: [need],
        grants: [make.grantRow('g1')],
      })
      await commit({
        daemons: [make.daemonRow('x', { owner: 'bob' })],
        grants: [make.grantRow('g1', { owner: 'bob' })],
      })
      expect(await store.registry('alice')).toEqual({
        daemons: [make.daemonRow('a'), make.daemonRow('b')],
        needs: [need],
        grants: [make.grantRow('g1')],
      })
      await commit({
        daemons: [make.daemonRow('a', { draining: true })],
        goneDaemons: [{ owner: 'alice', name: 'b' }],
        goneNeeds: ['alice/d'],
        grants: [make.grantRow('g2')],
        goneGrants: [{ owner: 'alice', id: 'g1' }],
      })
      expect(await store.registry('alice')).toEqual({
        daemons: [make.daemonRow('a', { draining: true })],
        needs: [],
        grants: [make.grantRow('g2')],
      })
      expect((await store.registry('bob')).grants).toHaveLength(1)
    })
  })
}

const besides = (world: World, hold: Hold, commit: CommitAs): void => {
  describe('plans, replies and files', () => {
    test('a plan of 20,000 steps is staged, read in slices, and found by names', async () => {
      const { store } = world()
      const rows = Array.from({ length: 20_000 }, (_, index) => make.planRow(index))
      await store.stage('big', rows)
      await store.stage('big', rows)
      expect(await store.planRows('big', 19_998, 200)).toEqual(rows.slice(19_998))
      expect(await store.planRows('big', 400, 200)).toEqual(rows.slice(400, 600))
      expect(await store.planRows('none', 0, 200)).toEqual([])
      expect(await store.stepIndexes('big', ['step 7', 'step 19999', 'none'])).toEqual(
        new Map([
          ['step 7', 7],
          ['step 19999', 19_999],
        ]),
      )
    })

    test('of a plan that was staged only what nothing came to use is dropped, and after a day', async () => {
      await hold()
      const { store, advance } = world()
      const chain = { directive: 'alice/d' as const, generation: 1, title: '', description: '', steps: 1, at: make.at }
      for (const hash of ['chain', 'ready', 'unused', 'again']) await store.stage(hash, [make.planRow(0)])
      await commit({ chains: [{ ...chain, hash: 'chain' }], directives: [make.directiveRow('d', { plan: 'ready' })] })
      await advance(replyKeptMs - 60_000)
      await store.tidy()
      expect(await store.planRows('unused', 0, 1)).toHaveLength(1)
      await store.stage('again', [make.planRow(0)])
      await advance(120_000)
      await store.tidy()
      expect(await store.planRows('unused', 0, 1)).toEqual([])
      for (const hash of ['chain', 'ready', 'again']) expect(await store.planRows(hash, 0, 1)).toHaveLength(1)
    })

    test('a plan that a message names is kept for as long as that waits or is parked, and no other is for its sake', async () => {
      await hold()
      const { store, advance } = world()
      const hashes = ['waits', 'is parked', 'unused', 'one of two'].map(contentHash)
      const [waits = '', isParked = '', unused = '', oneOfTwo = ''] = hashes
      for (const hash of hashes) await store.stage(hash, [make.planRow(0)])
      const named = (hash: string, more: object = {}) => ({
        to: 'alice/d' as const,
        from: 'test',
        shard: 0,
        body: pack({ text: 'hash', files: [{ hash: contentHash('a') }], ...more, plan: { hash, steps: 1 } }),
      })
      const two = named(oneOfTwo, { before: { plan: { hash: contentHash('b') } } })
      const { messages } = await commit({ messages: [named(waits), named(isParked), two] })
      const [, message = 0] = messages
      const { to: actor, from, body } = named(isParked)
      await commit({
        parked: [{ message, actor, from, body, reason: 'why', tries: 5, at: make.at }],
        faulted: [{ key: 'alice/d', reason: 'why' }],
      })
      await advance(replyKeptMs + 1000)
      await store.tidy()
      for (const hash of [waits, isParked, oneOfTwo]) expect(await store.planRows(hash, 0, 1)).toHaveLength(1)
      expect(await store.planRows(unused, 0, 1)).toEqual([])
    })

    test('of more than one call deletes, the next calls delete the rest, and the last one says that it was all', async () => {
      const { store, advance } = world()
      const hashes = Array.from({ length: 12 }, (_, at) => `unused${at}`)
      for (const hash of hashes) await store.stage(hash, [make.planRow(0)])
      await advance(replyKeptMs + 1000)
      while (await store.tidy());
      for (const hash of hashes) expect(await store.planRows(hash, 0, 1)).toEqual([])
    })

    test('the first reply to a command stands for a day', async () => {
      await hold()
      const { store, advance } = world()
      const { now } = await store.renew(make.identity('t1'))
      const reply = (text: string, at: number) => [{ owner: 'alice', command: 'c', reply: { text }, at }]
      expect(await store.reply('alice', 'c')).toBeNull()
      await commit({ replies: reply('first', now) })
      await commit({ replies: reply('second', now + 1) })
      expect(await store.reply('alice', 'c')).toEqual({ reply: { text: 'first' } })
      expect(await store.reply('bob', 'c')).toBeNull()
      await advance(replyKeptMs + 1000)
      expect(await store.reply('alice', 'c')).toBeNull()
      await commit({ replies: reply('third', now + replyKeptMs + 1000) })
      await store.tidy()
    })

    test('after a day, a sequence of the stream is forgotten', async () => {
      const { store, advance } = world()
      const message = { incarnation: 'i', sequence: 1, to: 'alice/d' as const, shard: 1, body: new Uint8Array([1]) }
      await store.enqueue(message)
      await store.tidy()
      expect(await store.enqueue(message)).toBe(false)
      await advance(replyKeptMs + 1)
      await store.tidy()
      expect(await store.enqueue(message)).toBe(true)
    })

    test('contents that no file refers to are dropped a day after they were put, those of files never', async () => {
      await hold()
      const { store, advance } = world()
      for (const hash of ['used', 'chunk', 'replaced', 'again']) await store.putBlob(hash, new Uint8Array([1]))
      const file = { owner: 'alice', contract: 'd__c1', name: 'a', bytes: 1, at: make.at }
      await commit({ files: [{ ...file, hash: 'replaced' }] })
      await commit({ files: [{ ...file, hash: 'used' }] })
      await advance(uploadKeptMs - 60_000)
      await store.tidy()
      const kept = async (): Promise<string[]> => {
        const hashes = ['used', 'chunk', 'replaced', 'again']
        const found = await Promise.all(hashes.map(async (hash) => ((await store.blob(hash)) === null ? [] : [hash])))
        return found.flat()
      }
      expect(await kept()).toEqual(['used', 'chunk', 'replaced', 'again'])
      await store.putBlob('again', new Uint8Array([1]))
      await advance(120_000)
      await store.tidy()
      expect(await kept()).toEqual(['used', 'again'])
    })

    test('contents of files that were replaced, or went with their directive, are kept for a day from then on', async () => {
      await hold()
      const { store, advance } = world()
      const hashes = ['replaced', 'again', 'gone', 'other']
      for (const hash of hashes) await store.putBlob(hash, new Uint8Array([1]))
      const file = { owner: 'alice', contract: 'd__c1', name: 'a', bytes: 1, at: make.at }
      const gone = { ...file, contract: 'gone__c1', hash: 'gone' }
      await commit({
        actors: [make.actorRow('gone', 1, { ended: true })],
        directives: [make.directiveRow('gone')],
        files: [{ ...file, hash: 'replaced' }, { ...file, name: 'b', hash: 'again' }, gone],
      })
      const kept = async (): Promise<string[]> => {
        const found = await Promise.all(hashes.map(async (hash) => ((await store.blob(hash)) === null ? [] : [hash])))
        return found.flat()
      }
      await advance(2 * uploadKeptMs)
      await commit({
        files: [
          { ...file, hash: 'other' },
          { ...file, name: 'b', hash: 'again' },
        ],
      })
      await commit({ removed: [{ key: 'alice/gone', version: 1 }] })
      while (await store.clear());
      await store.tidy()
      expect(await kept()).toEqual(hashes)
      await advance(uploadKeptMs + 1000)
      await store.tidy()
      expect(await kept()).toEqual(['again', 'other'])
    })

    test('a directive that is removed is not there from that commit on, and what is left of it is cleared away', async () => {
      await hold()
      const { store } = world()
      const [key, step] = ['alice/d', 'alice/d__1_0'] as const
      await commit({
        actors: [make.actorRow('d', 1, { ended: true }), make.actorRow('d__1_0', 1), make.actorRow('d-2', 1)],
        directives: [make.directiveRow('d'), make.directiveRow('d-2')],
        events: [make.eventRow('d', 1)],
      })
      expect(await store.removedAt(key)).toBeNull()
      const rows = { removed: [{ key, version: 2 }] }
      await expect(commit(rows)).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await store.removedAt(key)).toBeNull()
      await commit({ removed: [{ key, version: 1 }] })
      expect(await store.removedAt(key)).toBeGreaterThan(0)
      expect(await store.directive(key)).toBeNull()
      expect(await store.actors([key])).toEqual([])
      while (await store.clear());
      expect(await store.actors([step])).toEqual([])
      expect(await store.actors(['alice/d-2'])).toHaveLength(1)
      expect(await store.directive('alice/d-2')).not.toBeNull()
    })

    test('directives that have ended before a time are found, in parts, and only those of the shards that are asked about', async () => {
      await hold()
      const { store } = world()
      const old = { ended: true, since: make.at - 10 }
      await commit({
        actors: [
          make.actorRow('old', 1, old),
          make.actorRow('older', 1, old),
          make.actorRow('open', 1, { since: make.at - 10 }),
          make.actorRow('late', 1, { ended: true, since: make.at + 10 }),
        ],
        directives: ['old', 'older', 'open', 'late'].map((id) => make.directiveRow(id, { at: make.at - 20 })),
      })
      const found = async (shards: readonly number[], limit: number): Promise<string[]> => {
        const keys: string[] = []
        let after = null
        do {
          const page: Awaited<ReturnType<typeof store.ended>> = await store.ended(shards, {
            before: make.at,
            after,
            limit,
          })
          keys.push(...page.keys)
          after = page.next
        } while (after !== null)
        return keys.toSorted()
      }
      for (const limit of [1, 2, 100]) expect(await found([0], limit)).toEqual(['alice/old', 'alice/older'])
      expect(await found([1], 100)).toEqual([])
    })

    test('events before a time are forgotten in parts, but for the last of each directive', async () => {
      await hold()
      const { store } = world()
      const of = (id: string, count: number) =>
        Array.from({ length: count }, (_, index) => make.eventRow(id, index + 1))
      await commit({
        directives: [make.directiveRow('d'), make.directiveRow('e')],
        events: [...of('d', 5), ...of('e', 2)],
      })
      const forget = async (before: number): Promise<void> => {
        let place = null
        do place = await store.forgetEvents(before, place)
        while (place !== null)
      }
      await forget(make.at + 3)
      expect((await store.directive('alice/d'))?.events).toBe(5)
      await expect(commit({ events: [make.eventRow('d', 3)] })).rejects.toMatchObject({ code: 'BAD_INPUT' })
      await forget(make.at + 100)
      expect((await store.directive('alice/d'))?.events).toBe(5)
      expect((await store.directive('alice/e'))?.events).toBe(2)
      await commit({ events: [make.eventRow('d', 3)] })
    })

    test('an event before a time is forgotten with all that came before it in its directive, whatever their times', async () => {
      await hold()
      const { store } = world()
      const times = [50, 1, 60]
      const events = times.map((ms, index) => make.eventRow('d', index + 1, { at: make.at + ms }))
      await commit({ directives: [make.directiveRow('d')], events })
      await store.forgetEvents(make.at + 10, null)
      await expect(commit({ events: [make.eventRow('d', 3)] })).rejects.toMatchObject({ code: 'BAD_INPUT' })
      await commit({ events: [make.eventRow('d', 1)] })
    })

    test('a journal is cut at a version that it has: that row is another one, and all before it are gone', async () => {
      await hold()
      const { store } = world()
      const key = 'alice/d' as const
      const row = (version: number) => ({ key, version, entries: new Uint8Array([version]) })
      await commit({ actors: [make.actorRow('d', 1, { ended: true, since: make.at })], journal: [row(1)] })
      for (const version of [2, 3, 4])
        await commit({ actors: [make.actorRow('d', version, { ended: true })], journal: [row(version)] })
      const spans = async (before: number) => (await store.journalSpans([0], { before, after: null, limit: 10 })).spans
      expect(await spans(make.at)).toEqual([])
      expect(await spans(make.at + 1)).toEqual([{ key, first: 1, ended: true }])
      expect(await store.journal(key, 1, 2)).toMatchObject([{ version: 2 }, { version: 3 }])
      await store.cut({ key, version: 9, entries: new Uint8Array([0]) })
      await store.cut({ key, version: 3, entries: new Uint8Array([99]) })
      const left = await store.journal(key, 0, 10)
      expect(left.map(({ version, entries }) => [version, bytesOf(entries)])).toEqual([
        [3, '63'],
        [4, '04'],
      ])
      expect(await spans(make.at + 1)).toEqual([{ key, first: 3, ended: true }])
    })

    test('files of a contract come by name, with the contents kept under their hashes', async () => {
      await hold()
      const { store } = world()
      const file = (name: string, hash = 'h') => ({
        owner: 'alice',
        contract: 'd__c1',
        name,
        hash,
        bytes: 2,
        at: make.at,
      })
      await commit({ files: [file('b'), file('Z'), file('a')] })
      await commit({ files: [file('a', 'h2'), { ...file('x'), contract: 'd__c2' }] })
      expect(await store.files('alice', 'd__c1')).toEqual([
        { name: 'Z', hash: 'h', bytes: 2 },
        { name: 'a', hash: 'h2', bytes: 2 },
        { name: 'b', hash: 'h', bytes: 2 },
      ])
      expect(await store.files('bob', 'd__c1')).toEqual([])
      await store.putBlob('h', new Uint8Array([1, 2]))
      await store.putBlob('h', new Uint8Array([1, 2]))
      expect(bytesOf(await store.blob('h'))).toBe('0102')
      expect(bytesOf(await store.blob('h', { from: 1, count: 5 }))).toBe('02')
      expect(bytesOf(await store.blob('h', { from: 7, count: 5 }))).toBe('')
      expect(await store.blob('none')).toBeNull()
    })
  })
}
