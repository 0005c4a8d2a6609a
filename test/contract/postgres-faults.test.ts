/** What only a real server and a real network can do: lost connections, frozen backends, races of nodes that start. */
import { mkdtempSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import type { Commit } from '../../src/actors/ports/rows.ts'
import type { Store } from '../../src/actors/ports/store.ts'
import { wipe } from '../../src/embedded/down.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { migrations, type Migration } from '../../src/persistence/migrations.ts'
import { openStore, type StoreOptions } from '../../src/persistence/postgres-store.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { reconnectCountMax, shardCount } from '../../src/protocol/limits.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { cutProxy } from './cut-proxy.ts'
import * as make from './rows.ts'

const silent = () => undefined
const me = make.identity('t1')
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof WritError ? error.code : String(error)),
  )

const verified = (url: string): Promise<unknown> =>
  verifyDatabase({ url, directive: null, quick: true, progress: silent })

let database: FreshDatabase
let admin: postgres.Sql
const opened: { close: () => Promise<void> }[] = []

const open = async (url: string, more: Partial<StoreOptions> = {}): Promise<Store> => {
  const store = await openStore({ url, log: silent, applicationName: 'faults test', ...more })
  opened.push(store)
  return store
}

beforeEach(async () => {
  database = await freshDatabase()
  admin = postgres(database.url, { max: 2, onnotice: silent })
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  await admin.end()
  await database.drop()
})

/** What there is of a schema `writ`, itself included. */
const relations = (): Promise<unknown> =>
  admin`
    select n.nspname, c.relname from pg_namespace n left join pg_class c on c.relnamespace = n.oid
    where n.nspname = 'writ' order by c.relname`.then((rows) => [...rows])

/** As a version that has no more migrations than these leaves a database. */
const migrateBy = async (known: readonly Migration[]): Promise<void> => {
  await admin
    .unsafe(
      `create schema writ;
       create table writ.migrations (
         version integer primary key, name text not null, hash text not null, at timestamptz not null default now());
       ${known.map(({ text }) => text).join('\n')}`,
    )
    .simple()
  for (const { version, name, hash } of known)
    await admin`insert into writ.migrations values (${version}, ${name}, ${hash})`
}

/** One step of an actor: it consumes what it sent itself before, and sends one more. */
const stepOf = (id: string, version: number, consumed: readonly number[], epoch: number): Commit => ({
  shards: [{ shard: 0, epoch }],
  actors: [make.actorRow(id, version)],
  journal: [{ key: `alice/${id}`, version, entries: new Uint8Array([version % 256]) }],
  consumed,
  messages: [{ to: `alice/${id}`, from: `alice/${id}`, shard: 0, body: new Uint8Array([version % 256]) }],
})

describe('a server that closes what it has accepted', () => {
  test('is tried a few times, not as fast as it closes', async () => {
    let taken = 0
    const server = createServer((socket) => {
      taken += 1
      socket.on('error', silent).end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const url = `postgres://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/x`
    expect(await codeOf(migrate({ url, log: silent }))).toBe('UNREACHABLE')
    expect(await codeOf(open(url))).toBe('UNREACHABLE')
    // A migration has one connection, and what a store opens with begins with one, too; it may have two.
    expect(taken).toBeLessThanOrEqual(1 + 2 + 2 * reconnectCountMax)
    server.close()
  })
})

describe('a connection that breaks', () => {
  test('under a commit, before or after the server took it, leaves all of it or nothing, and counts nothing twice', async () => {
    await migrate({ url: database.url, log: silent })
    const proxy = await cutProxy(database.url)
    opened.push(proxy)
    const store = await open(proxy.url)
    await store.join(me)
    let [{ epoch } = { epoch: 0 }] = await store.claim(me, 1)
    let [version, unknown, applied] = [0, 0, 0]
    for (let round = 0; round < 120; round++) {
      if (round % 3 === 1) proxy.cutNext(round % 2 === 0 ? 'request' : 'answer')
      const waiting = (await store.mailbox([0], 10)).map((row) => row.id)
      const code = await codeOf(store.commit(me, stepOf('d', version + 1, waiting, epoch)))
      const stored = (await store.actors(['alice/d']))[0]?.row.version ?? 0
      expect(['ok', 'UNKNOWN_RESULT']).toContain(code)
      expect(code === 'ok' ? [version + 1] : [version, version + 1]).toContain(stored)
      if (code !== 'ok') {
        unknown += 1
        epoch = (await store.reclaim(me, [0]))[0]?.epoch ?? 0
        applied += stored - version
      }
      version = stored
    }
    expect(unknown).toBe(proxy.cuts)
    expect(unknown).toBe(40)
    expect(applied).toBe(20)
    const [counted] = await admin`
      select (select count(*)::int from writ.journal) as journal, (select count(*)::int from writ.messages) as messages,
             (select max(id)::int from writ.messages) as last`
    expect(counted).toMatchObject({ journal: version, messages: 1 })
  })

  test('half open, ends at the deadline and not later', async () => {
    await migrate({ url: database.url, log: silent })
    const proxy = await cutProxy(database.url)
    opened.push(proxy)
    const store = await open(proxy.url, { deadlineMs: 3000 })
    await store.join(me)
    await store.claim(me, 1)
    proxy.cutNext('freeze')
    const before = performance.now()
    expect(await codeOf(store.commit(me, stepOf('d', 1, [], 1)))).toBe('UNKNOWN_RESULT')
    expect(performance.now() - before).toBeLessThan(5000)
    expect(await codeOf(store.commit(me, stepOf('d', 1, [], 1)))).toBe('ok')
  })

  test('because the server ended every session is replaced at the next call', async () => {
    await migrate({ url: database.url, log: silent })
    const store = await open(database.url)
    await store.join(me)
    await store.claim(me, 1)
    for (let version = 1; version <= 5; version++) {
      await admin`
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name like 'faults test%'`
      const attempt = async (): Promise<string> => codeOf(store.commit(me, stepOf('d', version, [], 1)))
      const [first, renewed] = await Promise.all([attempt(), codeOf(store.renew(me))])
      expect(['ok', 'UNKNOWN_RESULT']).toContain(first)
      expect(['ok', 'UNREACHABLE']).toContain(renewed)
      expect(first === 'ok' ? 'ok' : await attempt()).toBe('ok')
      expect((await store.renew(me)).held).toHaveLength(1)
    }
  })

  test('while sessions are ended at random, fifty actors’ commits at once stay whole and apart', async () => {
    await migrate({ url: database.url, log: silent })
    const store = await open(database.url)
    await store.join(me)
    await store.claim(me, 1)
    let ending = true
    const ender = (async () => {
      while (ending)
        await admin`
          select pg_sleep(0.05), pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'faults test%' limit 1`
    })()
    const run = async (id: string): Promise<number> => {
      let version = 0
      for (let round = 0; round < 12; round++) {
        // Every third one cannot succeed: what it wrote must not stay, nor enter another's.
        const wrong = round % 3 === 2
        const rows = stepOf(id, version + 1, wrong ? [999_999_999] : [], 1)
        const code = await codeOf(store.commit(me, rows))
        const stored = await readVersion(id)
        const possible = wrong ? [0] : code === 'ok' ? [1] : [0, 1]
        expect(wrong && code === 'ok').toBe(false)
        expect(possible, `${id}: ${code}`).toContain(stored - version)
        version = stored
      }
      return version
    }
    const readVersion = async (id: string): Promise<number> => {
      const [row] = await admin<
        { version: number }[]
      >`select version::int from writ.actors where key = ${`alice/${id}`}`
      return row?.version ?? 0
    }
    const ids = Array.from({ length: 50 }, (_, n) => `d${n}`)
    const versions = await Promise.all(ids.map(run))
    ending = false
    await ender
    const total = versions.reduce((sum, version) => sum + version, 0)
    const [counted] = await admin`
      select (select count(*)::int from writ.journal) as journal, (select count(*)::int from writ.messages) as messages`
    expect(counted).toEqual({ journal: total, messages: total })
    expect(total).toBeGreaterThan(0)
  }, 120_000)
})

describe('locks', () => {
  beforeEach(() => migrate({ url: database.url, log: silent }))

  test('new epochs wait for a commit that still runs, and no longer than the server lets them', async () => {
    const store = await open(database.url, { deadlineMs: 5000 })
    await store.join(me)
    await store.claim(me, 2)
    await admin.begin(async (sql) => {
      await sql`select from writ.shards where shard = 0 for share`
      expect(await codeOf(store.reclaim(me, [0]))).toBe('UNREACHABLE')
      expect(await codeOf(store.reclaim(me, [1]))).toBe('ok')
    })
    expect(await store.reclaim(me, [0])).toEqual([{ shard: 0, epoch: 2 }])
  })

  test('a claim passes over a shard that a dead holder’s commit still locks', async () => {
    const store = await open(database.url)
    await store.join(me)
    await store.claim(me, shardCount)
    await admin`update writ.threads set expires = now() - interval '1 s'`
    const other = make.identity('t2')
    await store.join(other)
    await admin.begin(async (sql) => {
      await sql`select from writ.shards where shard = 7 for share`
      expect(await store.claim(other, shardCount)).toHaveLength(shardCount - 1)
    })
    expect(await store.claim(other, shardCount)).toEqual([{ shard: 7, epoch: 2 }])
  })

  test('a commit that has passed its fence keeps its shard from every other holder until it has ended', async () => {
    const store = await open(database.url)
    await store.join(me)
    await store.claim(me, shardCount)
    expect(await codeOf(store.commit(me, stepOf('d', 1, [], 1)))).toBe('ok')
    const other = make.identity('t2')
    const waits = async (): Promise<number> =>
      (
        await admin`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%writ.commit%'`
      ).length
    let late: Promise<string> | undefined
    await admin.begin(async (sql) => {
      await sql`select from writ.actors where key = 'alice/d' for update`
      late = codeOf(store.commit(me, stepOf('d', 2, [], 1)))
      await expect.poll(waits).toBe(1)
      await admin`update writ.threads set expires = now() - interval '1 s'`
      await store.join(other)
      expect(await store.claim(other, shardCount)).toHaveLength(shardCount - 1)
    })
    expect(await late).toBe('ok')
    expect(await store.claim(other, shardCount)).toEqual([{ shard: 0, epoch: 2 }])
    expect((await store.actors(['alice/d']))[0]?.row.version).toBe(2)
  })
})

describe('a large table', () => {
  test('costs a commit no more than a small one: it reads only the rows that it names', async () => {
    await migrate({ url: database.url, log: silent })
    // As long as nothing analyzes it, the planner believes in the empty table for which the plans were made.
    await admin`alter table writ.actors set (autovacuum_enabled = off)`
    const store = await open(database.url)
    await store.join(me)
    await store.claim(me, 1)
    const ids = Array.from({ length: 3000 }, (_, n) => `d${n}`)
    for (let from = 0; from < ids.length; from += 500)
      await store.commit(me, {
        shards: [{ shard: 0, epoch: 1 }],
        actors: ids.slice(from, from + 500).map((id) => make.actorRow(id, 1)),
      })
    const read = async (): Promise<{ fetched: number; updated: number } | undefined> =>
      (
        await admin<{ fetched: number; updated: number }[]>`
          select idx_tup_fetch::int + seq_tup_read::int as fetched, n_tup_upd::int as updated
          from pg_stat_user_tables where schemaname = 'writ' and relname = 'actors'`
      )[0]
    for (const id of ids.slice(0, 100))
      await store.commit(me, { shards: [{ shard: 0, epoch: 1 }], actors: [make.actorRow(id, 2)] })
    // Sessions report their figures at the latest when they end.
    await store.close()
    await expect.poll(async () => (await read())?.updated, { timeout: 10_000 }).toBe(100)
    expect((await read())?.fetched).toBeLessThanOrEqual(200)
  })
})

describe('leases of different lengths', () => {
  test('last each for its own: one that is short shortens no other', async () => {
    await migrate({ url: database.url, log: silent })
    const [long, short] = [await open(database.url, { leaseMs: 60_000 }), await open(database.url, { leaseMs: 2000 })]
    const [patient, hasty] = [make.identity('t1'), make.identity('t2')]
    const last = async (): Promise<unknown> =>
      (
        await admin`
          select max(expires) filter (where thread = 't1') > clock_timestamp() + interval '50 seconds' as patient,
                 max(expires) filter (where thread = 't2') < clock_timestamp() + interval '3 seconds' as hasty
          from writ.threads`
      )[0]
    await long.join(patient)
    await short.join(hasty)
    expect(await last()).toEqual({ patient: true, hasty: true })
    await long.renew(patient)
    await short.renew(hasty)
    expect(await last()).toEqual({ patient: true, hasty: true })
  })
})

describe('a clock that was set back', () => {
  test('does not let the lease of a thread that has died last longer', async () => {
    await migrate({ url: database.url, log: silent })
    const store = await open(database.url)
    const [dead, alive] = [make.identity('t1'), make.identity('t2')]
    await store.join(dead)
    await store.join(alive)
    const longest = async (): Promise<unknown> =>
      (await admin`select max(expires) > clock_timestamp() + interval '1 minute' as long from writ.threads`)[0]
    for (const renews of [() => store.renew(alive), () => store.join(make.identity('t3'))]) {
      await admin`alter table writ.threads disable trigger cut_leases`
      await admin`update writ.threads set expires = expires + interval '1 hour' where thread = 't1'`
      await admin`alter table writ.threads enable trigger cut_leases`
      expect(await longest()).toEqual({ long: true })
      await renews()
      expect(await longest()).toEqual({ long: false })
    }
  })
})

describe('migrations', () => {
  test('are applied once by any number of nodes that start at the same time', async () => {
    const said: string[] = []
    await Promise.all(Array.from({ length: 4 }, () => migrate({ url: database.url, log: (line) => said.push(line) })))
    expect(new Set(said).size).toBe(said.length)
    await migrate({ url: database.url, log: (line) => said.push(line) })
    const [row] = await admin`select count(*)::int as count from writ.migrations`
    expect(row).toEqual({ count: said.length })
  })

  test('leave an incarnation of the database that stays', async () => {
    await migrate({ url: database.url, log: silent })
    const read = () => admin`select value from writ.meta where key = 'incarnation'`
    const [first] = await read()
    await migrate({ url: database.url, log: silent })
    expect(await read()).toEqual([first])
  })

  test('a schema that is newer is refused, at the migration, when opening and when joining', async () => {
    await migrate({ url: database.url, log: silent })
    const store = await open(database.url)
    await admin`insert into writ.migrations (version, name, hash) values (999, '0999_later', 'x')`
    expect(await codeOf(migrate({ url: database.url, log: silent }))).toBe('SCHEMA_NEWER')
    expect(await codeOf(open(database.url))).toBe('SCHEMA_NEWER')
    expect(await codeOf(store.join(me))).toBe('SCHEMA_NEWER')
  })

  test('one that was applied with another text is refused', async () => {
    await migrate({ url: database.url, log: silent })
    await admin`update writ.migrations set hash = 'other' where version = 2`
    await expect(migrate({ url: database.url, log: silent })).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('a node that joins makes nothing where Writ is not: neither in an empty database nor beside what is there', async () => {
    for (const before of ['select', 'create schema writ', 'create table writ.poems (name text)']) {
      await admin.unsafe(before)
      const there = await relations()
      expect(await codeOf(migrate({ url: database.url, log: silent, join: true }))).toBe('REFUSED')
      expect(await relations()).toEqual(there)
    }
  })

  test('a node that joins an older schema brings it to its own, one migration after the other', async () => {
    const said: string[] = []
    await migrateBy(migrations().slice(0, -2))
    await migrate({ url: database.url, log: (line) => said.push(line), join: true })
    expect(said).toEqual(
      migrations()
        .slice(-2)
        .map(({ name }) => `the schema is at ${name}`),
    )
    expect(await codeOf(open(database.url))).toBe('ok')
  })

  test('a database without the schema is not opened', async () => {
    await expect(open(database.url)).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test('a database whose encoding cannot hold every text is refused', async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_ascii`
    await admin`create database ${admin(name)} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0`
    const url = new URL(database.url)
    url.pathname = `/${name}`
    expect(await codeOf(migrate({ url: url.href, log: silent }))).toBe('REFUSED')
    await admin`drop database ${admin(name)} with (force)`
  })
})

describe('a server that answers, and refuses', () => {
  const failureOf = async (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)
  const saying = (text: string): unknown => expect.stringMatching(text)

  test('a user who may make nothing there is told what it needs', async () => {
    const { pathname } = new URL(database.url)
    const user = `${pathname.slice(1)}_user`
    await admin.unsafe(`create role ${user} login password 'x'`)
    try {
      const url = Object.assign(new URL(database.url), { username: user, password: 'x' }).href
      expect(await failureOf(migrate({ url, log: silent }))).toMatchObject({
        code: 'UNAUTHORIZED',
        message: saying('^the database "test_.*" on .* does not allow that to this user: permission denied .*42501'),
        hint: saying('needs create on that database'),
      })
    } finally {
      await admin.unsafe(`drop role ${user}`)
    }
  })

  test('one that only reads is refused at a start, and asked again by a node that works there already', async () => {
    await migrate({ url: database.url, log: silent })
    await admin.unsafe(
      `alter database ${new URL(database.url).pathname.slice(1)} set default_transaction_read_only = on`,
    )
    expect(await failureOf(migrate({ url: database.url, log: silent }))).toMatchObject({
      code: 'REFUSED',
      message: saying(' only reads: cannot execute .*25006'),
      hint: saying('^name the primary'),
    })
    const store = await open(database.url)
    expect(await failureOf(store.join(me))).toMatchObject({ code: 'UNREACHABLE', message: saying(' only reads: ') })
  })

  test.each([
    ['of another form', 'create table writ.migrations (name text)', '42703'],
    ['of a name of our first migration', 'create table writ.meta (name text)', '42P07'],
    ['of a name of a later one', 'create table writ.removed (name text)', '42P07'],
  ])('a schema writ with a table %s is not taken for ours, and gets nothing beside it', async (_what, table, state) => {
    await admin.unsafe(`create schema writ; ${table}`).simple()
    const before = await relations()
    expect(await failureOf(migrate({ url: database.url, log: silent }))).toMatchObject({
      code: 'CONFLICT',
      message: saying(` has something else in its schema writ .*${state}`),
      hint: saying('^name another database'),
    })
    expect(await relations()).toEqual(before)
    // Whoever only looks is told the same, and not to have it migrated.
    await expect(verified(database.url)).rejects.toMatchObject({
      code: 'CONFLICT',
      hint: saying('^name another database'),
    })
  })

  test('a database that is not there is told as that, with how it is made', async () => {
    const url = Object.assign(new URL(database.url), { pathname: '/nowhere' }).href
    expect(await failureOf(migrate({ url, log: silent }))).toMatchObject({
      code: 'UNREACHABLE',
      message: saying('^the database "nowhere" on .* is not there: .*3D000'),
      hint: saying('^correct its name, or make it first: create database'),
    })
  })

  test('one that ends a statement for its time is told of, and not taken for one that is away', async () => {
    const sql = await admin.reserve()
    try {
      await sql`select pg_advisory_lock(${0x77726974}::bigint)`
      expect(await failureOf(migrate({ url: database.url, log: silent, deadlineMs: 2_000 }))).toMatchObject({
        code: 'TIMED_OUT',
        message: saying(' gave that up: canceling statement due to statement timeout .57014'),
        hint: saying('^ask again'),
      })
    } finally {
      await sql`select pg_advisory_unlock_all()`
      sql.release()
    }
  })

  test('one where something else holds a lock is asked again, and not taken for one that is away', async () => {
    await migrate({ url: database.url, log: silent })
    const store = await open(database.url, { deadlineMs: 2_000 })
    await store.join(me)
    await store.claim(me, 1)
    await admin.begin(async (sql) => {
      await sql`select from writ.shards where shard = 0 for share`
      expect(await failureOf(store.reclaim(me, [0]))).toMatchObject({
        code: 'UNREACHABLE',
        message: saying(' does not do that now: .*55P03'),
      })
    })
  })
})

describe('a server that is not there', () => {
  test('is named with host, port and database, and never with the password', async () => {
    const failure = await openStore({
      url: 'postgres://u:secret@127.0.0.1:1/db',
      log: silent,
      applicationName: 't',
    }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'UNREACHABLE' })
    const text = failure instanceof WritError ? `${failure.message} ${failure.hint}` : ''
    expect(text).toContain('"db" on 127.0.0.1:1')
    expect(text).not.toContain('secret')
  })

  test('because its URL is none, is bad input, and the URL is not repeated', async () => {
    const failure = await open('secret@nowhere').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'BAD_INPUT' })
    expect(String(failure)).not.toContain('secret')
  })

  test('or does not accept the password, is told apart', async () => {
    const url = new URL(inject('databaseUrl'))
    url.username = 'nobody-we-know'
    url.password = 'wrong'
    expect(await codeOf(open(url.href))).toBe('UNAUTHORIZED')
  })
})

describe('a frozen server', () => {
  const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-frozen-')), env: {} })
  let own: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    own = await startPostgres({ folders, log: silent, port: 0, durable: false })
  })
  afterAll(async () => {
    await own.stop()
    await wipe(folders)
  })

  test('costs a commit its deadline; another takes the shard over, and what comes late is fenced', async () => {
    await migrate({ url: own.url, log: silent })
    const options = { log: silent, url: own.url }
    const frozen = await openStore({ ...options, applicationName: 'frozen', deadlineMs: 3000 })
    const other = await openStore({ ...options, applicationName: 'other' })
    const sql = postgres(own.url, { max: 1, onnotice: silent })
    await frozen.join(me)
    await frozen.claim(me, 1)
    expect(await codeOf(frozen.commit(me, stepOf('d', 1, [], 1)))).toBe('ok')
    const backends = await sql<
      { pid: number }[]
    >`select pid from pg_stat_activity where application_name like 'frozen%'`
    for (const { pid } of backends) process.kill(pid, 'SIGSTOP')
    try {
      const before = performance.now()
      expect(await codeOf(frozen.commit(me, stepOf('d', 2, [], 1)))).toBe('UNKNOWN_RESULT')
      expect(await codeOf(frozen.renew(me))).toBe('UNREACHABLE')
      expect(performance.now() - before).toBeLessThan(9000)
      await sql`update writ.threads set expires = now() - interval '1 s'`
      await other.join(make.identity('t2'))
      expect(await other.claim(make.identity('t2'), 1)).toEqual([{ shard: 0, epoch: 2 }])
    } finally {
      for (const { pid } of backends) process.kill(pid, 'SIGCONT')
    }
    await expect
      .poll(
        async () =>
          (await sql`select from pg_stat_activity where pid in ${sql(backends.map(({ pid }) => pid))}`).length,
      )
      .toBe(0)
    expect((await other.actors(['alice/d']))[0]?.row.version).toBe(1)
    await Promise.all([frozen.close(), other.close(), sql.end()])
  })
})
