/** A database that is restored from an earlier copy: what it says goes on, and what others remember of the time since then counts nothing. */
import postgres from 'postgres'
import { afterEach, expect, it, vi } from 'vitest'
import { connect, type NatsBus } from '../../src/bus/nats-bus.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { type RunningEngine, startEngine } from '../../src/engine-of.ts'
import { migrate } from '../../src/persistence/migrate.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { call } from '../cli/call.ts'
import { copyOf, freshDatabase, restoreOver } from '../support/database.ts'
import { dumpPrograms, startDumped } from '../support/dumps.ts'
import { type FakeDaemonOptions, passes } from '../support/fake-daemon.ts'
import { ownNats } from '../support/own-nats.ts'
import { chainOf, World } from '../support/world.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

const database = async (): Promise<string> => {
  const fresh = await freshDatabase()
  ends.push(() => fresh.drop())
  await migrate({ url: fresh.url, log: () => undefined })
  return fresh.url
}

const copied = async (url: string): Promise<string> => {
  const copy = await copyOf(url)
  ends.push(() => copy.drop())
  return copy.url
}

/** A nats-server on which nothing ever was. */
const freshNats = async (): Promise<{ url: string; bus: NatsBus }> => {
  const nats = await ownNats()
  ends.push(() => nats.stop())
  const bus = await connect({ url: nats.url, name: 'test', log: () => undefined })
  ends.push(() => bus.close())
  return { url: nats.url, bus }
}

const engineOn = async (databaseUrl: string, nats: string, restored?: () => void): Promise<RunningEngine> => {
  const engine = await startEngine({
    databaseUrl,
    nats: { url: nats },
    node: 'test',
    thread: 'test-0',
    threads: 1,
    home: null,
    log: () => undefined,
    ...(restored === undefined ? {} : { restored }),
  })
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => (stopped ??= engine.stop())
  ends.push(stop)
  return { engine: engine.engine, stop }
}

const asked = async <T extends object>(url: string, text: string): Promise<T[]> => {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return [...(await sql.unsafe<T[]>(text))]
  } finally {
    await sql.end()
  }
}

const incarnationOf = async (url: string): Promise<string> => {
  const [row] = await asked<{ value: string }>(url, `select value from writ.meta where key = 'incarnation'`)
  return row?.value ?? ''
}

/** Workers wait for the test. */
const byHand: FakeDaemonOptions = {
  home: 'its home',
  work: (spawn) => (spawn.task.role === 'worker' ? null : passes(spawn)),
}
const worldOn = async (bus: NatsBus, owner?: string): Promise<World> => {
  const world = new World(bus, [], owner)
  ends.push(() => world.close())
  await world.open()
  return world
}
const findings = async (url: string): Promise<unknown> =>
  (await verifyDatabase({ url, directive: null, quick: false })).findings

/** How databases and copies of them are made. */
interface Way {
  database: () => Promise<string>
  copied: (url: string) => Promise<string>
}
const asPostgresCopies: Way = { database, copied }
const byDumps = async (): Promise<Way> => {
  const server = await startDumped()
  ends.push(() => server.stop())
  const migrated = async (): Promise<string> => {
    const url = await server.database()
    await migrate({ url, log: () => undefined })
    return url
  }
  return { database: migrated, copied: (url) => server.copied(url) }
}

const restoresBesideFreshNats = async (way: Way): Promise<void> => {
  const url = await way.database()
  const before = await freshNats()
  const first = await engineOn(url, before.url)
  const world = await worldOn(before.bus)
  const daemon = await world.daemon('d', byHand)
  const id = await world.start({ plan: chainOf(3) })
  await daemon.done(await daemon.spawned('worker s0'))
  const working = await daemon.spawned('worker s1')
  await daemon.report(working, 'accepted')
  await vi.waitFor(
    async () =>
      expect(await asked(url, 'select from writ.attempts where accepted and closed_at is null')).toHaveLength(1),
    10_000,
  )
  await first.stop()
  const copy = await way.copied(url)
  // A copy is older than what a daemon may be about to say.
  await asked(copy, 'update writ.attempts set opened_at = opened_at - 60000')

  const second = await engineOn(url, before.url)
  await daemon.done(working)
  const late = await daemon.spawned('worker s2')
  await daemon.done(late)
  await world.until(id, 'directive_completed')
  await second.stop()
  await daemon.fallSilent()

  const after = await freshNats()
  await engineOn(copy, after.url)
  expect(await incarnationOf(copy)).not.toBe(await incarnationOf(url))
  // As one that knows of nothing, it goes on beating: it is asked to say hello, and so what it still runs.
  const beat = subjects.daemon.at({ owner: world.owner, id: 'd', verb: 'beat' })
  expect(await after.bus.request(beat, { session: daemon.session, running: [] }, 5_000)).toMatchObject({ known: false })
  const restored = await worldOn(after.bus, world.owner)
  const back = await restored.daemon('d', byHand)
  expect(await back.report(late, 'done', { result: 'from the time that never was' })).toMatchObject({ counted: false })
  const again = await back.spawned('worker s1')
  expect(again.task).toMatchObject({ id: working.task.id, attempt: working.task.attempt + 1 })
  expect(await back.report(working, 'done')).toMatchObject({ counted: false })
  await back.done(again)
  await back.done(await back.spawned('worker s2'))
  await restored.until(id, 'directive_completed')
  const { events } = await restored.client.directive(id).events()
  expect(events.filter(({ type }) => type === 'step_passed')).toHaveLength(3)
  expect(await findings(copy)).toEqual([])
}

it('restored beside a fresh NATS it goes on: what ran then is done again, what came since then counts nothing, and all ends', async () => {
  await restoresBesideFreshNats(asPostgresCopies)
}, 60_000)

it.skipIf(dumpPrograms === null)(
  'so it does from a dump (needs a Postgres with pg_dump)',
  async () => {
    await restoresBesideFreshNats(await byDumps())
  },
  120_000,
)

it('a node that lives through it notices, writes nothing of what it remembers, and another goes on from the copy', async () => {
  const url = await database()
  const nats = await freshNats()
  const first = await engineOn(url, nats.url)
  const world = await worldOn(nats.bus)
  const id = await world.start({ plan: chainOf(2) })
  await first.stop()
  const copy = await copied(url)

  let notice = (): void => undefined
  const noticed = new Promise<void>((resolve) => (notice = resolve))
  const living = await engineOn(url, nats.url, () => notice())
  const daemon = await world.daemon('d', { home: 'its home' })
  await world.until(id, 'directive_completed')
  await daemon.fallSilent()
  const before = await incarnationOf(url)
  await restoreOver(url, copy)
  await noticed
  expect(living.engine.holder.shards).toEqual([])
  expect(await incarnationOf(url)).not.toBe(before)

  await engineOn(url, nats.url)
  expect(await world.view(id)).toMatchObject({ status: 'active', passed: 0 })
  await world.daemon('e')
  await vi.waitFor(async () => expect(await world.view(id)).toMatchObject({ status: 'completed', passed: 2 }), 15_000)
  expect(await findings(url)).toEqual([])
}, 60_000)

it('a person says so of a copy that cannot be told from what was there: every shard is taken from whoever holds it', async () => {
  const url = await database()
  const nats = await freshNats()
  let notice = (): void => undefined
  const noticed = new Promise<void>((resolve) => (notice = resolve))
  await engineOn(url, nats.url, () => notice())
  const before = await incarnationOf(url)
  const { code, out } = await call(['database', 'restored', '--json'], { env: { WRIT_DATABASE_URL: url } })
  expect(code).toBe(0)
  const incarnation = await incarnationOf(url)
  expect(JSON.parse(out)).toEqual({ incarnation })
  expect(incarnation).not.toBe(before)
  await noticed
  expect(await asked(url, 'select from writ.shards where thread is not null or epoch < 2')).toEqual([])
}, 60_000)

it('a database in which Writ has never been is refused, and nothing is made in it', async () => {
  const empty = await freshDatabase()
  const { code, err } = await call(['database', 'restored'], { env: { WRIT_DATABASE_URL: empty.url } })
  expect(code).toBe(4)
  expect(err).toContain('has no schema of Writ: nothing was restored there')
  expect(await asked(empty.url, `select from pg_namespace where nspname = 'writ'`)).toEqual([])
  await empty.drop()
})
