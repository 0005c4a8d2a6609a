/** Postgres keeps the contract of the store. What only a real server can do wrong is in postgres-faults.test.ts. */
import { afterAll, beforeAll } from 'vitest'
import postgres from 'postgres'
import { migrate } from '../../src/persistence/migrate.ts'
import { openStore } from '../../src/persistence/postgres-store.ts'
import { freshDatabase, type FreshDatabase } from '../support/database.ts'
import { mailboxOfTests, storeContract } from './store.contract.ts'

let database: FreshDatabase
let admin: postgres.Sql

beforeAll(async () => {
  database = await freshDatabase()
  await migrate({ url: database.url, log: () => undefined })
  admin = postgres(database.url, { max: 1, onnotice: () => undefined })
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
  await admin`update writ.threads set expires = expires - ${ms} * interval '1 millisecond'`
  await admin`update writ.timers set due = due - ${ms}`
  for (const table of ['replies', 'ingress', 'plans', 'blobs', 'removed'])
    await admin`update ${admin(`writ.${table}`)} set at = at - ${ms}`
}

storeContract('Postgres', async () => {
  await empty()
  const store = await openStore({
    url: database.url,
    log: () => undefined,
    applicationName: 'store contract',
    mailboxMessagesMax: mailboxOfTests,
  })
  return { store, advance, close: () => store.close() }
})
