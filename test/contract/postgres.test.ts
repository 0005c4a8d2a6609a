/** Postgres keeps the contract of the store. What only a real server can do wrong is in postgres-faults.test.ts. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import postgres from 'postgres'
import type { Committed } from '../../src/actors/ports/rows.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { mailboxOfTests, storeContract, type StoreWorld } from './store.contract.ts'

let database: FreshDatabase
let admin: postgres.Sql

beforeAll(async () => {
  database = await freshDatabase()
  await migrate({ url: database.url, log: () => undefined })
  admin = postgres(database.url, { max: 2, onnotice: () => undefined })
})
afterAll(async () => {
  await admin.end()
  await database.drop()
})

/** As after the migrations. */
const empty = async (): Promise<void> => {
  const tables = await admin<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'writ' and table_name not in ('migrations', 'meta', 'shards')`
  await admin.unsafe(`truncate ${tables.map(({ name }) => `writ.${name}`).join(', ')}`)
  await admin`update writ.shards set thread = null, nonce = null, epoch = 0`
}

/** A database's clock cannot be moved: whatever is compared with it moves the other way. */
const advance = async (ms: number): Promise<void> => {
  await admin.begin(async (sql) => {
    // Nobody makes a lease here, so no other lease is to be cut to its length.
    await sql`set local session_replication_role = replica`
    await sql`update writ.threads set expires = expires - ${ms} * interval '1 millisecond'`
  })
  await admin`update writ.timers set due = due - ${ms}`
  for (const table of ['replies', 'ingress', 'plans', 'blobs', 'removed'])
    await admin`update ${admin(`writ.${table}`)} set at = at - ${ms}`
}

/** It waits for the journals, which come after its messages. */
const heldUp: StoreWorld['heldUp'] = async (thread, commit, meanwhile) => {
  const store = await openStore({ url: database.url, log: () => undefined, applicationName: 'held up' })
  const waits = async (): Promise<number> =>
    (
      await admin`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%writ.commit%'`
    ).length
  let late: Promise<Committed> | undefined
  try {
    await admin.begin(async (sql) => {
      await sql`lock table writ.journal in share mode`
      late = store.commit(thread, commit)
      await expect.poll(waits).toBe(1)
      await meanwhile()
    })
    return (await late) ?? { messages: [] }
  } finally {
    await store.close()
  }
}

storeContract('Postgres', async () => {
  await empty()
  const store = await openStore({
    url: database.url,
    log: () => undefined,
    applicationName: 'store contract',
    mailboxMessagesMax: mailboxOfTests,
  })
  return { store, advance, heldUp, close: () => store.close() }
})

test('of contents that files refer to each is looked at once until the last was, however many there are', async () => {
  await empty()
  const store = await openStore({ url: database.url, log: () => undefined, applicationName: 'contents' })
  try {
    await admin`
      insert into writ.blobs (hash, bytes, at) select 'h' || i, '', 1000 + i from generate_series(1, 2500) i`
    await admin`
      insert into writ.files (owner, contract, name, hash, bytes, at)
      select 'alice', 'd__c1', 'f' || i, 'h' || i, 0, 1 from generate_series(1, 2499) i`
    const more = [await store.tidy(), await store.tidy(), await store.tidy()]
    expect(more).toEqual([true, true, false])
    expect(await store.blob('h2500')).toBeNull()
    expect(await admin`select from writ.blobs`).toHaveLength(2499)
  } finally {
    await store.close()
  }
})
