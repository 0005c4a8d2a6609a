/** `writ verify`, its line in `writ doctor`, and `writ machines check`, as they are called. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pack, unpack } from '../../src/actors/codec.ts'
import { findingCodes } from '../../src/protocol/findings.ts'
import { actorKey } from '../../src/protocol/ids.ts'
import { machineProblems } from '../../src/verify/machines.ts'
import { call, type Ended } from '../cli/call.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
let world: World
let data: string
let works: string
/** All that are stored; registries among them. */
let actors: number
let registries: number

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'writ-verify-'))
  test = await startTestEngine()
  world = await test.world()
  works = actorKey(world.owner, await world.start({ id: 'works', plan: planOf({ a: [], b: ['a'] }) }))
  await test.end()
  const [counts] = await test.sql<{ actors: number; registries: number }[]>`
    select count(*)::integer as actors, (count(*) filter (where kind = 'registry'))::integer as registries from writ.actors`
  actors = counts?.actors ?? 0
  registries = counts?.registries ?? 0
}, 60_000)
afterAll(async () => {
  rmSync(data, { recursive: true, force: true })
  await test.stop()
})

const writ = (args: string[], more: { terminal?: number; databaseUrl?: string | null } = {}): Promise<Ended> => {
  const { terminal, databaseUrl = test.databaseUrl } = more
  const named = databaseUrl === null ? {} : { WRIT_DATABASE_URL: databaseUrl }
  const env = { PATH: process.env['PATH'] ?? '', WRIT_HOME: data, WRIT_OWNER: world.owner, ...named }
  return call(args, { env, ...(terminal === undefined ? {} : { terminal }) })
}

/** Runs with something changed in the row of the directive's actor. */
const withActor = async (column: string, value: string | Uint8Array, run: () => Promise<void>): Promise<void> => {
  const { sql } = test
  const [row] = await sql<Record<string, string>[]>`select ${sql(column)} from writ.actors where key = ${works}`
  await sql`update writ.actors set ${sql({ [column]: value })} where key = ${works}`
  try {
    await run()
  } finally {
    await sql`update writ.actors set ${sql({ [column]: row?.[column] ?? '' })} where key = ${works}`
  }
}

it('says that nothing is wrong, and ends with 0', async () => {
  const err = `Looked through 2 directives with ${actors} actors: nothing is wrong.\n`
  expect(await writ(['verify'])).toEqual({ code: 0, out: '', err })
  expect(await writ(['verify', '--directive', 'works'])).toMatchObject({ code: 0, out: '' })
  const { code, out } = await writ(['verify', '--quick', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ well: true, directives: 2, actors, findings: [], more: false })
})

it('says what is wrong and where, for people, in a pipe and as JSON, and ends with 1', () =>
  withActor('status', 'draft', async () => {
    const piped = await writ(['verify'])
    expect(piped).toEqual({
      code: 1,
      out: `columns-differ\tactors\t${works}\tstatus draft\tstatus active\n`,
      err: expect.stringContaining('1 thing is wrong') as string,
    })
    const shown = await writ(['verify', '--directive', 'works'], { terminal: 120 })
    expect(shown.out).toContain('columns-differ what lists and searches read of an actor')
    expect(shown.out).toContain(`  actors ${works}: status draft  → status active`)
    const { code, out } = await writ(['verify', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      well: false,
      findings: [{ code: 'columns-differ', table: 'actors', key: works }],
    })
    expect((await writ(['verify', '--quick'])).code).toBe(0)
  }))

it('cannot look where nothing runs and nothing was named, and says so', async () => {
  const { code, err } = await writ(['verify'], { databaseUrl: null })
  expect(code).toBe(3)
  expect(err).toMatch(/no database is there to look at.*\[UNREACHABLE\]\nhint: start one with `writ up` first/s)
  expect((await writ(['verify'], { databaseUrl: 'postgres://me:geheim@127.0.0.1:9/writ' })).code).toBe(3)
  expect((await writ(['machines', 'check'], { databaseUrl: null })).code).toBe(3)
})

it('refuses a directive that is not there, and --quick beside one', async () => {
  expect(await writ(['verify', '--directive', 'nobody'])).toMatchObject({
    code: 4,
    err: expect.stringContaining('there is no directive nobody') as string,
  })
  expect((await writ(['verify', '--directive', 'works', '--quick'])).code).toBe(2)
})

it('doctor says in a line how much is stored, or that something is wrong with it', async () => {
  const state = async (): Promise<object | undefined> => {
    const { findings } = JSON.parse((await writ(['doctor', '--json'])).out) as { findings: { what: string }[] }
    return findings.find(({ what }) => what === 'state')
  }
  expect(await state()).toMatchObject({ state: 'ok', found: `2 directives with ${actors} actors` })
  const { sql } = test
  await sql`insert into writ.faulted values (${`${world.owner}/nobody`}, 'a fault', 0)`
  expect(await state()).toMatchObject({
    state: 'problem',
    found: '1 thing is wrong with what is stored: actor-missing',
    remedy: 'see `writ verify`',
  })
  await sql`delete from writ.faulted`
})

it('machines check says that this version goes on with all, and ends with 0', async () => {
  const { code, err } = await writ(['machines', 'check'])
  expect({ code, err }).toEqual({
    code: 0,
    err: `Opened ${actors} snapshots: this version goes on with all of them.\n`,
  })
  const { out } = await writ(['machines', 'check', '--all', '--json'])
  const known = { known: true, harmed: 0 }
  expect(JSON.parse(out)).toEqual({
    well: true,
    machines: [
      { machine: 'registry@1', actors: registries, ...known },
      { machine: 'directive@1', actors: 2, ...known },
      { machine: 'step@1', actors: 1, ...known },
    ],
    harms: [],
  })
})

const harms: [what: string, column: string, value: () => string | Uint8Array, harm: object][] = [
  ['machine is unknown', 'machine_version', () => '9', { machine: 'directive@9', problem: 'parked' }],
  ['snapshot cannot be opened', 'snapshot', () => Buffer.from([0xc1]), { problem: 'parked' }],
  [
    'snapshot has what its machine does not keep',
    'snapshot',
    () =>
      Buffer.from(
        pack({ ...(snapshot as object), context: { ...(snapshot as { context: object }).context, given: 1 } }),
      ),
    { problem: 'changed', why: 'of what it remembers are lost: given' },
  ],
]
let snapshot: unknown
it.each(harms)('machines check names the actors whose %s, and ends with 1', async (_what, column, value, harm) => {
  const [row] = await test.sql<{ snapshot: Uint8Array }[]>`select snapshot from writ.actors where key = ${works}`
  snapshot = unpack(row?.snapshot ?? new Uint8Array())
  await withActor(column, value(), async () => {
    const { code, out } = await writ(['machines', 'check', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ well: false, harms: [{ ...harm, actors: 1, first: [works] }] })
  })
})

it('machines check names timers that are not awaited and messages that mean nothing', async () => {
  const { sql } = test
  await sql`insert into writ.timers select ${works}, 'xstate.after.1.nothing', shard, 0, 1 from writ.actors where key = ${works}`
  const body = Buffer.from(pack({ type: 'dance' }))
  await sql`insert into writ.messages (shard, "to", "from", body) values (0, ${works}, 'user', ${body})`
  const { code, out } = await writ(['machines', 'check'])
  expect(code).toBe(1)
  expect(out.split('\n').slice(0, -1)).toEqual([
    `directive@1\ttimers\t1\txstate.after.1.nothing is set, and it does not wait for it\t${works}`,
    `directive@1\tmessages\t1\tit has no answer to dance\t${works}`,
  ])
  await sql`delete from writ.timers where key = ${works}`
  await sql`delete from writ.messages`
})

it('docs/verify.md has every kind and every problem with what it means', () => {
  const text = readFileSync('docs/verify.md', 'utf8')
  for (const [code, meaning] of Object.entries(findingCodes)) expect(text).toContain(`| \`${code}\` | ${meaning} |`)
  for (const problem of machineProblems) expect(text).toContain(`| \`${problem}\` |`)
})

it('is named with its database by `writ database restored`, but for the password', async () => {
  const { code, err } = await writ(['database', 'restored', '--database-url', test.databaseUrl], { databaseUrl: null })
  const { host, pathname, username } = new URL(test.databaseUrl)
  expect({ code, err }).toEqual({
    code: 0,
    err: expect.stringContaining(
      `next: writ verify --database-url "postgres://${username}:…@${host}${pathname}"\n`,
    ) as string,
  })
})
