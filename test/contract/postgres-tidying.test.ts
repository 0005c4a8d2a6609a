/** Tidying beside what is committed, on a real server: how much one call looks at, what one failure holds up, and who waits for whom. */
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pack } from '../../src/actors/codec.ts'
import { contentHash } from '../../src/actors/content-hash.ts'
import type { Commit } from '../../src/actors/ports/rows.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { until } from '../../src/embedded/until.ts'
import * as make from './rows.ts'

let database: FreshDatabase
let admin: postgres.Sql
let store: Store
let told: string[]

beforeEach(async () => {
  database = await freshDatabase()
  await migrate({ url: database.url, log: () => undefined })
  admin = postgres(database.url, { max: 2, onnotice: () => undefined })
  told = []
  store = await open('store')
})
afterEach(async () => {
  await store.close()
  await admin.end()
  await database.drop()
})

const open = (applicationName: string): Promise<Store> =>
  openStore({ url: database.url, log: (line) => told.push(line), applicationName, deadlineMs: 4000 })

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => contentHash(at))
/** The texts as rows of one column, in their order. */
const rowsOf = (texts: readonly string[]) =>
  admin`jsonb_array_elements_text(${JSON.stringify(texts)}::text::jsonb) with ordinality as r(text, place)`
/** Staged a long time ago, in this order. */
const oldPlans = (hashes: readonly string[]) => admin`
  insert into writ.plans (hash, steps, complete, at)
  select text, 1, true, 1000 + place from ${rowsOf(hashes)}`

/** Rows of a table that the sessions of a store have read, once all of them have ended. */
const rowsRead = async (table: string): Promise<number> => {
  await until(
    async () => {
      const others = await admin`
        select from pg_stat_activity where datname = current_database() and application_name like 'store%'`
      return others.length === 0 || undefined
    },
    { withinMs: 10_000 },
  )
  const [row] = await admin<[{ read: number }]>`
    select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as read from pg_stat_user_tables
    where schemaname = 'writ' and relname = ${table}`
  return row.read
}

describe('one call of a tidying', () => {
  test('looks at a part of the plans that are kept, and the next one goes on behind it', async () => {
    const hashes = names(2500)
    await oldPlans(hashes)
    await admin`
      insert into writ.chains (directive, generation, title, description, hash, steps, at)
      select 'alice/d' || text, 1, '', '', text, 1, 1 from ${rowsOf(hashes.slice(0, -1))}`
    await store.tidy()
    await store.close()
    expect(await rowsRead('plans')).toBeLessThan(1500)
    store = await open('store again')
    expect([await store.tidy(), await store.tidy(), await store.tidy()]).toEqual([true, true, false])
    expect(await admin`select from writ.plans`).toHaveLength(2499)
    expect(await admin`select from writ.plans where hash = ${hashes.at(-1) ?? ''}`).toEqual([])
  })

  test('finds who names a plan without looking through all that waits and is parked', async () => {
    const [used, ...others] = names(2000)
    const bodies = others.map((hash) => Buffer.from(pack({ plan: { hash, steps: 1 } })).toString('base64'))
    await admin`
      insert into writ.messages (shard, "to", "from", body)
      select 0, 'alice/d', 'test', decode(text, 'base64') from ${rowsOf(bodies)}`
    await admin`
      insert into writ.parked (actor, "from", body, reason, at)
      select 'alice/d', 'test', decode(text, 'base64'), 'why', 1 from ${rowsOf(bodies)}`
    await oldPlans([used ?? '', others[0] ?? ''])
    await store.tidy()
    await store.close()
    expect((await admin`select hash from writ.plans`).map(({ hash }) => hash)).toEqual([others[0]])
    for (const table of ['messages', 'parked']) expect(await rowsRead(table)).toBeLessThan(20)
  })

  test('does the rest when one part of it fails, tells that once, and leaves that part alone for a while', async () => {
    await admin`alter table writ.plans rename to elsewhere`
    await admin`insert into writ.replies (owner, command, reply, at) values ('alice', 'c', '{}', 1)`
    await admin`insert into writ.ingress (incarnation, sequence, at) values ('i', 1, 1)`
    await admin`insert into writ.removed (key, at, cleared) values ('alice/gone', 1, true)`
    await admin`insert into writ.blobs (hash, bytes, at) values ('left', '', 1)`
    expect(await store.tidy()).toBe(true)
    for (const table of ['replies', 'ingress', 'removed', 'blobs'])
      expect(await admin`select from ${admin(`writ.${table}`)}`).toEqual([])
    await store.tidy()
    expect(told).toEqual([expect.stringMatching(/^the tidying of plans fails, .*"writ\.plans" does not exist/)])
  })
})

/**
 * A session of this name stays within its statement, all its locks held, once it has written to this table: until `release`. It waits
 * for no lock, so that no time-out of a lock ends that.
 */
const holdOn = async (
  session: string,
  table: string,
): Promise<{ isHolding: () => Promise<boolean>; release: () => Promise<void> }> => {
  const gate = postgres(database.url, { max: 1, onnotice: () => undefined })
  await gate`select pg_advisory_lock(1)`
  await admin.unsafe(`
    create function public.hold() returns trigger language plpgsql as $$
    begin
      while current_setting('application_name') = '${session}' and not pg_try_advisory_xact_lock_shared(1) loop
        perform pg_try_advisory_xact_lock_shared(2), pg_sleep(0.01);
      end loop;
      return null;
    end $$;
    create trigger hold after insert or update or delete on writ.${table} execute function public.hold()`)
  const isHolding = async (): Promise<boolean> => {
    const locks = await admin`select from pg_locks where locktype = 'advisory' and objid = 2 and granted`
    return locks.length > 0
  }
  return { isHolding, release: () => gate.end() }
}

/** What a thread commits of a directive that goes on: rows in every table that it writes to. */
const nextOf = (id: string, version: number, shard: number): Commit => ({
  shards: [{ shard, epoch: 1 }],
  actors: [make.actorRow(id, version, { shard })],
  directives: version === 1 ? [make.directiveRow(id)] : [],
  chains: [
    { directive: `alice/${id}`, generation: version, title: '', description: '', hash: 'plan', steps: 1, at: make.at },
  ],
  messages: [{ to: `alice/${id}`, from: 'test', shard, body: new Uint8Array([1]) }],
  timers: [{ key: `alice/${id}`, id: 't', shard, due: make.at, generation: version }],
  journal: [{ key: `alice/${id}`, version, entries: new Uint8Array([1]) }],
  events: [make.eventRow(id, version)],
  tasks: [make.taskRow(id, version)],
  attempts: [make.attemptRow(id, version, { shard })],
  ready: [make.readyRow(id)],
  held: [make.heldRow(`g-${id}`)],
  daemons: [make.daemonRow(`daemon-${id}`)],
  grants: [make.grantRow(`g-${id}`)],
  files: [{ owner: 'alice', contract: `${id}__c1`, name: 'a', bytes: 1, at: make.at, hash: `content ${version}` }],
  replies: [{ owner: 'alice', command: `${id} ${version}`, reply: {}, at: make.at }],
})

describe('commits of other directives wait for nobody while', () => {
  const [first, second] = [make.identity('t1'), make.identity('t2')]
  let other: Store
  let shards: { mine: number; others: number }

  /** Directives `old`, which is over, and `on` and `beside`, of two threads. All of what is kept for a time is old. */
  beforeEach(async () => {
    other = await open('other')
    for (const [one, thread] of [
      [store, first],
      [other, second],
    ] as const)
      await one.join(thread)
    const [mine = { shard: 0 }] = await store.claim(first, 128)
    const [others = { shard: 0 }] = await other.claim(second, 128)
    shards = { mine: mine.shard, others: others.shard }
    for (const hash of ['content 1', 'content 2', 'content 3', 'left']) await store.putBlob(hash, new Uint8Array([1]))
    await store.stage('plan', [make.planRow(0)])
    await store.stage('unused', [make.planRow(0)])
    for (const id of ['old', 'on'])
      for (const version of [1, 2]) await store.commit(first, nextOf(id, version, shards.mine))
    await other.commit(second, nextOf('beside', 1, shards.others))
    await store.enqueue({
      incarnation: 'i',
      sequence: 1,
      to: 'alice/on',
      shard: shards.mine,
      body: new Uint8Array([1]),
    })
    await admin`insert into writ.removed (key, at, cleared) values ('alice/gone', 1, true)`
    for (const table of ['replies', 'ingress', 'plans', 'blobs'])
      await admin`update ${admin(`writ.${table}`)} set at = 1`
  })
  afterEach(() => other.close())

  const removed = { removed: [{ key: 'alice/old', version: 2 }] } as const
  const remove = (): Promise<unknown> => store.commit(first, { shards: [{ shard: shards.mine, epoch: 1 }], ...removed })

  test.each([
    ['replies go', 'store tidying', 'replies', () => store.tidy()],
    ['numbers of the stream go', 'store tidying', 'ingress', () => store.tidy()],
    ['plans go', 'store tidying', 'plan_steps', () => store.tidy()],
    ['directives are forgotten', 'store tidying', 'removed', () => store.tidy()],
    ['contents go', 'store tidying', 'blobs', () => store.tidy()],
    ['events go', 'store tidying', 'directives', () => store.forgetEvents(make.at + 10, null)],
    [
      'a journal is cut',
      'store tidying',
      'journal',
      () => store.cut({ key: 'alice/on', version: 2, entries: new Uint8Array([2]) }),
    ],
    ['what is left of a directive goes', 'store tidying', 'files', () => remove().then(() => store.clear())],
    ['a directive is removed', 'store commits', 'removed', remove],
  ] as const)('%s', async (_, session, table, act) => {
    const held = await holdOn(session, table)
    const acting = act()
    await expect.poll(held.isHolding, { timeout: 10_000 }).toBe(true)
    await other.commit(second, nextOf('beside', 2, shards.others))
    await other.commit(second, nextOf('new', 1, shards.others))
    if (session !== 'store commits') await store.commit(first, nextOf('on', 3, shards.mine))
    await other.stage('another', [make.planRow(0)])
    await other.putBlob('another', new Uint8Array([1]))
    expect(await admin`select relation::regclass from pg_locks where not granted`).toEqual([])
    expect(await held.isHolding()).toBe(true)
    await held.release()
    await acting
    expect(told).toEqual([])
  })
})
