/** `writ verify` finds every kind of damage: each is made by hand in a database that a real engine has filled, and undone. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { pack, unpack } from '../../src/actors/codec.ts'
import type { Survey } from '../../src/actors/ports/survey.ts'
import { type Finding, type FindingCode, findingCodes } from '../../src/protocol/findings.ts'
import { type ActorKey, actorKey, stepId } from '../../src/protocol/ids.ts'
import { driverOptions, type Reading, surveyOf } from '../../src/persistence/survey.ts'
import { verifyDatabase } from '../../src/verify-of.ts'
import { verify } from '../../src/verify/verify.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
let world: World
/** A directive whose first step has passed, whose second one runs, and whose third one waits for that. */
let works: ActorKey
let owner: string
/** As verify connects, and the transaction in which the present damage is made. */
let connection: ReturnType<typeof connect>
let sql: Reading

const connect = () => postgres(test.databaseUrl, driverOptions({ url: test.databaseUrl, statementMs: 10_000 }))

const step = (index: number): ActorKey => `${works}__1_${index}`

beforeAll(async () => {
  test = await startTestEngine()
  world = await test.world()
  owner = world.owner
  const daemon = await world.daemon('d', { slots: 2, work: () => null })
  await world.start({ id: 'ended', plan: planOf({ x: [] }) })
  await daemon.done(await daemon.spawned('worker x'), { result: 'made' })
  await daemon.done(await daemon.spawned('evaluator x'), { verdict: { passed: true, overallScore: 1 } })
  await world.until('ended', 'directive_completed')
  await world.start({ id: 'queues', plan: planOf({ q: [] }, { q: { needs: { labels: { gpu: 'yes' } } } }) })
  const plan = planOf({ a: [], b: ['a'], c: ['a', 'b'] }, { a: { requires_approval: true } })
  await world.start({ id: 'works', evaluate: false, plan, holdTimeout: { seconds: 3600, decision: 'approve' } })
  works = actorKey(owner, 'works')
  const spawn = await daemon.spawned('worker a')
  await world.put(spawn.contract.id, 'notes', 'text')
  await daemon.done(spawn)
  await world.until('works', 'step_held')
  await world.client.step(stepId('works', 1, 0)).approve()
  await daemon.spawned('worker b')
  await world.client.createDirective({ id: 'again', title: 'again', goal: 'g', command: 'make' })
  await vi.waitUntil(async () => (await test.sql`select from writ.messages`).length === 0, { timeout: 10_000 })
  await test.end()
  connection = connect()
}, 60_000)
afterAll(async () => {
  await connection.end()
  await test.stop()
})

const look = async (quick: boolean, directive: ActorKey | null = null): Promise<readonly Finding[]> =>
  (await verifyDatabase({ url: test.databaseUrl, directive, quick })).findings

const codesOf = (findings: readonly Finding[]): FindingCode[] =>
  [...new Set(findings.map(({ code }) => code))].toSorted()

/** All that is found, and what of it statements alone have found. */
const lookInside = async (): Promise<{ all: FindingCode[]; quick: FindingCode[] }> => {
  const survey = await surveyOf(sql, {})
  const quick: Finding[] = []
  const crossChecks: Survey['crossChecks'] = (take) =>
    survey.crossChecks((found) => {
      quick.push(...found)
      take(found)
    })
  const { findings } = await verify({ ...survey, crossChecks }, { directive: null, quick: false })
  return { all: codesOf(findings), quick: codesOf(quick) }
}

interface Damage {
  what: string
  code: FindingCode
  /** What is found besides, as a consequence. */
  also?: readonly FindingCode[]
  /** Statements alone find it, or something that comes of it. */
  quick?: FindingCode
  make: () => PromiseLike<unknown>
}

const snapshotOf = async (key: ActorKey): Promise<{ value: unknown; context: Record<string, unknown> }> => {
  const [row] = await sql<{ snapshot: Uint8Array }[]>`select snapshot from writ.actors where key = ${key}`
  return unpack(row?.snapshot ?? new Uint8Array()) as { value: unknown; context: Record<string, unknown> }
}
/** Changes what an actor remembers. */
const remember = async (key: ActorKey, change: object): Promise<void> => {
  const { value, context } = await snapshotOf(key)
  const bytes = Buffer.from(pack({ value, context: { ...context, ...change } }))
  await sql`update writ.actors set snapshot = ${bytes} where key = ${key}`
}
/** Changes the last entry of an actor's journal. */
const rewrite = async (key: ActorKey, change: object): Promise<void> => {
  const [row] = await sql<{ version: string; entries: Uint8Array }[]>`
    select version, entries from writ.journal where key = ${key} order by version desc limit 1`
  const entries = unpack(row?.entries ?? new Uint8Array()) as object[]
  const bytes = Buffer.from(pack([...entries.slice(0, -1), { ...entries.at(-1), ...change }]))
  await sql`update writ.journal set entries = ${bytes} where key = ${key} and version = ${row?.version ?? 0}`
}
const mail = (to: string, body: Uint8Array, shard: number | null = null): PromiseLike<unknown> => sql`
  insert into writ.messages (shard, "to", "from", body)
  values (coalesce(${shard}::smallint, (select shard from writ.actors where key = ${works})), ${to}, ${works}, ${Buffer.from(body)})`

const damages: readonly Damage[] = [
  {
    what: 'a version is missing from the journal',
    code: 'journal-gap',
    make: () => sql`delete from writ.journal where key = ${works} and version = 2`,
  },
  {
    what: 'the last version is missing from the journal',
    code: 'journal-gap',
    quick: 'journal-gap',
    make: () => sql`
      delete from writ.journal where key = ${step(1)} and version = (select version from writ.actors where key = ${step(1)})`,
  },
  {
    what: 'a journal has bytes that are none',
    code: 'journal-unreadable',
    make: () => sql`update writ.journal set entries = '\xc1' where key = ${works} and version = 2`,
  },
  {
    what: 'an entry of a journal is from another time of its shard',
    code: 'journal-order',
    make: () => rewrite(step(1), { order: [0, 1] }),
  },
  {
    what: 'a message in a journal is another one',
    code: 'journal-differs',
    also: ['events-differ'],
    make: () => rewrite(step(1), { message: { type: 'cancel' } }),
  },
  {
    what: 'a snapshot was changed',
    code: 'journal-differs',
    also: ['columns-differ'],
    make: () => remember(step(0), { round: 7 }),
  },
  {
    what: 'a snapshot is no snapshot',
    code: 'snapshot-unreadable',
    make: () => sql`update writ.actors set snapshot = '\xc1' where key = ${step(0)}`,
  },
  {
    what: 'a snapshot opens, and remembers what no machine does',
    code: 'snapshot-unreadable',
    also: ['journal-differs'],
    make: () => remember(step(2), { waitsFor: null }),
  },
  {
    what: 'a snapshot has a field that its machine does not know',
    code: 'journal-differs',
    make: () => remember(step(0), { more: 1 }),
  },
  {
    what: 'a list in a snapshot is none',
    code: 'rows-unreadable',
    also: ['journal-differs'],
    make: () => remember(works, { cursors: null }),
  },
  {
    what: 'what a registry knows to be needed is no list',
    code: 'rows-unreadable',
    make: () => sql`update writ.needs set lines = '7'`,
  },
  {
    what: 'a machine is one that nobody knows',
    code: 'machine-unknown',
    make: () => sql`update writ.actors set machine_version = '99' where key = ${step(0)}`,
  },
  {
    what: 'a status is another one than the snapshot says',
    code: 'columns-differ',
    make: () => sql`update writ.actors set status = 'failed' where key = ${step(0)}`,
  },
  {
    what: 'figures are other ones than the snapshot says',
    code: 'columns-differ',
    make: () => sql`update writ.actors set facts = facts || '{"passed": 3}' where key = ${works}`,
  },
  {
    what: 'an actor has the shard of another',
    code: 'wrong-place',
    quick: 'wrong-place',
    make: () => sql`update writ.actors set shard = (shard + 1) % 256 where key = ${step(0)}`,
  },
  {
    what: 'a timer is missing',
    code: 'timer-missing',
    make: () => sql`delete from writ.timers where key = ${step(1)}`,
  },
  {
    what: 'a timer is there that nobody waits for',
    code: 'timer-stray',
    make: () => sql`
      insert into writ.timers select ${step(0)}, id, shard, due, 1 from writ.timers where key = ${step(1)}`,
  },
  {
    what: 'a timer is due at another time',
    code: 'timer-differs',
    make: () => sql`update writ.timers set due = due + 60000 where key = ${step(1)}`,
  },
  {
    what: 'a timer is of a version that never was',
    code: 'timer-differs',
    quick: 'timer-differs',
    make: () => sql`update writ.timers set generation = 999 where key = ${step(1)}`,
  },
  {
    what: 'a timer is of an actor that is not there',
    code: 'actor-missing',
    quick: 'actor-missing',
    make: () => sql`update writ.timers set key = ${`${owner}/nobody`} where key = ${step(1)}`,
    also: ['timer-missing'],
  },
  {
    what: 'an actor is parked that is not there',
    code: 'actor-missing',
    quick: 'actor-missing',
    make: () => sql`insert into writ.faulted values (${`${owner}/nobody`}, 'a fault', 0)`,
  },
  {
    what: 'an actor is missing',
    code: 'actor-missing',
    quick: 'actor-missing',
    also: ['counts-differ', 'events-differ'],
    make: () => sql`delete from writ.actors where key = ${step(0)}`,
  },
  {
    what: 'an actor to which nothing has happened yet is missing',
    code: 'actor-missing',
    quick: 'actor-missing',
    make: () => sql`delete from writ.actors where key = ${step(2)}`,
  },
  {
    what: 'a directive that is not there is known to need slots',
    code: 'actor-missing',
    quick: 'actor-missing',
    make: () => sql`
      insert into writ.needs select owner, ${`${owner}/nobody`}, lines, seen, granted from writ.needs limit 1`,
  },
  {
    what: 'a parked message is for nobody',
    code: 'message-stray',
    quick: 'message-stray',
    make: () => sql`
      insert into writ.parked (message, actor, body, reason, at) values (1, ${`${owner}/nobody`}, ${Buffer.from(pack({ type: 'start' }))}, '', 0)`,
  },
  {
    what: 'a shard has no row, so nobody can hold it',
    code: 'wrong-place',
    quick: 'wrong-place',
    make: () => sql`delete from writ.shards where shard = (select shard from writ.actors where key = ${works})`,
  },
  {
    what: 'a directive is listed under another owner',
    code: 'wrong-place',
    quick: 'wrong-place',
    make: () => sql`update writ.directives set owner = 'somebody' where key = ${works}`,
  },
  {
    what: 'a message is for nobody',
    code: 'message-stray',
    quick: 'message-stray',
    make: () => mail(`${owner}/nobody`, pack({ type: 'start' })),
  },
  {
    what: 'a message is for a step that its plan does not have',
    code: 'message-stray',
    make: () => mail(step(99), pack({ type: 'dispatch' })),
  },
  {
    what: 'a message lies in the mailbox of another shard',
    code: 'wrong-place',
    make: () => mail(step(0), pack({ type: 'dispatch' }), 300),
  },
  {
    what: 'a message cannot be read',
    code: 'message-unreadable',
    make: () => mail(step(0), Buffer.from([0xc1])),
  },
  {
    what: 'the record of a task is missing',
    code: 'task-missing',
    also: ['attempt-stray'],
    quick: 'attempt-stray',
    make: () => sql`delete from writ.tasks where actor = ${step(1)}`,
  },
  {
    what: 'a task that runs is told as done',
    code: 'task-differs',
    also: ['attempt-stray'],
    quick: 'attempt-stray',
    make: () => sql`update writ.tasks set status = 'done', ended_at = 1 where actor = ${step(1)}`,
  },
  {
    what: 'a task that has ended has a status of one that runs',
    code: 'task-differs',
    quick: 'task-differs',
    make: () => sql`update writ.tasks set status = 'running' where actor = ${step(0)}`,
  },
  {
    what: 'a task has another status than its machine',
    code: 'task-differs',
    make: () => sql`update writ.tasks set status = 'pending' where actor = ${step(1)}`,
  },
  {
    what: 'a task that is over is told as running',
    code: 'task-differs',
    quick: 'task-differs',
    make: () => sql`update writ.tasks set status = 'running', ended_at = null where actor = ${step(0)}`,
  },
  {
    what: 'a task is for something else than its machine made it for',
    code: 'task-differs',
    make: () => sql`update writ.tasks set purpose = 'evaluate', role = 'evaluator' where actor = ${step(1)}`,
  },
  {
    what: 'an attempt runs on another daemon than its grant is of',
    code: 'attempt-differs',
    make: () => sql`update writ.attempts set daemon = 'another' where actor = ${step(1)}`,
  },
  {
    what: 'an attempt that runs is closed',
    code: 'attempt-differs',
    also: ['held-stray', 'task-differs'],
    quick: 'held-stray',
    make: () => sql`update writ.attempts set closed_at = 1, closed = 'lost' where actor = ${step(1)}`,
  },
  {
    what: 'the record of an attempt is missing',
    code: 'attempt-missing',
    make: () => sql`delete from writ.attempts where actor = ${step(0)}`,
  },
  {
    what: 'an attempt is open that its machine knows nothing of',
    code: 'attempt-stray',
    also: ['attempt-differs'],
    quick: 'attempt-stray',
    make: () => sql`update writ.attempts set closed_at = null, closed = null where actor = ${step(0)}`,
  },
  {
    what: 'a task has two open attempts',
    code: 'attempt-doubled',
    also: ['attempt-stray'],
    quick: 'attempt-doubled',
    make: () => sql`
      insert into writ.attempts
      select (jsonb_populate_record(a, jsonb_build_object('attempt', 2))).* from writ.attempts a where actor = ${step(1)}`,
  },
  {
    what: 'an open attempt has no deadline',
    code: 'attempt-without-deadline',
    quick: 'attempt-without-deadline',
    make: () => sql`update writ.attempts set deadline = 0 where actor = ${step(1)}`,
  },
  {
    what: 'an evaluation is missing',
    code: 'evaluation-missing',
    make: () => sql`delete from writ.evaluations`,
  },
  {
    what: 'an evaluation is of no task',
    code: 'evaluation-missing',
    quick: 'evaluation-missing',
    make: () => sql`update writ.evaluations set task = 77`,
  },
  {
    what: 'an event is missing',
    code: 'event-gap',
    also: ['events-differ'],
    quick: 'event-gap',
    make: () => sql`delete from writ.events where directive = ${works} and sequence = 2`,
  },
  {
    what: 'the last event is missing',
    code: 'events-differ',
    make: () => sql`
      delete from writ.events e where directive = ${works}
        and sequence = (select max(sequence) from writ.events where directive = ${works})`,
  },
  {
    what: 'a directive works on a chain that is not recorded',
    code: 'chain-differs',
    make: () => sql`delete from writ.chains where directive = ${works}`,
  },
  {
    what: 'a step of a plan is missing',
    code: 'plan-incomplete',
    quick: 'plan-incomplete',
    make: () => sql`
      delete from writ.plan_steps where index = 2 and hash = (select hash from writ.chains where directive = ${works})`,
  },
  {
    what: 'a step of a plan asks for something else',
    code: 'plan-incomplete',
    make: () => sql`
      update writ.plan_steps set step = jsonb_set(step::jsonb, '{taskPlan}', '"another"')::text
      where index = 2 and hash = (select hash from writ.chains where directive = ${works})`,
  },
  {
    what: 'a step of a plan is listed with other dependencies than it has',
    code: 'plan-incomplete',
    make: () => sql`
      update writ.plan_steps set depends_on = '[]' where index = 2 and hash = (select hash from writ.chains where directive = ${works})`,
  },
  {
    what: 'a definition cannot be read',
    code: 'columns-differ',
    make: () => sql`update writ.directives set definition = '{' where key = ${works}`,
  },
  {
    what: 'a definition is JSON and no definition',
    code: 'columns-differ',
    make: () => sql`update writ.directives set definition = '{}' where key = ${works}`,
  },
  {
    what: 'a step of a plan is JSON and no step',
    code: 'plan-incomplete',
    make: () => sql`
      update writ.plan_steps set step = '{}' where index = 2 and hash = (select hash from writ.chains where directive = ${works})`,
  },
  {
    what: 'a message names a grant that is none',
    code: 'message-stray',
    make: () => mail(step(99), pack({ type: 'grant', grant: null })),
  },
  {
    what: 'a task that waits for a slot is not among those that wait',
    code: 'ready-missing',
    make: () => sql`delete from writ.ready`,
  },
  {
    what: 'a task that runs is among those that wait',
    code: 'ready-stray',
    also: ['need-missing'],
    quick: 'ready-stray',
    make: () => sql`
      insert into writ.ready
      select (jsonb_populate_record(r, jsonb_build_object('actor', ${step(1)}::text, 'directive', ${works}::text))).* from writ.ready r`,
  },
  {
    what: 'a registry does not know of a task that waits',
    code: 'need-missing',
    make: () => sql`delete from writ.needs`,
  },
  {
    what: 'a directive holds a grant that its registry does not know',
    code: 'held-stray',
    quick: 'held-stray',
    make: () => sql`delete from writ.grants`,
  },
  {
    what: 'a grant is held by nobody',
    code: 'grant-stray',
    also: ['attempt-differs'],
    quick: 'grant-stray',
    make: () => sql`delete from writ.held`,
  },
  {
    what: 'a grant is on a daemon that is not there',
    code: 'grant-stray',
    quick: 'grant-stray',
    make: () => sql`delete from writ.daemons`,
  },
  {
    what: 'a daemon has more grants than slots',
    code: 'slots-exceeded',
    quick: 'slots-exceeded',
    make: () => sql`update writ.daemons set slots = 0`,
  },
  {
    what: 'a step waits for one that has passed',
    code: 'waits-for-nothing',
    also: ['journal-differs', 'columns-differ'],
    make: () => remember(step(2), { waitsFor: [0] }),
  },
  {
    what: 'a directive has counted more steps than have passed',
    code: 'counts-differ',
    also: ['journal-differs', 'columns-differ'],
    make: () => remember(works, { passed: 2 }),
  },
  {
    what: 'the content of a file is missing',
    code: 'file-without-content',
    quick: 'file-without-content',
    make: () => sql`delete from writ.blobs`,
  },
  {
    what: 'the content of a file is another one',
    code: 'content-differs',
    make: () => sql`update writ.blobs set bytes = 'tex!'`,
  },
  {
    what: 'the content of a file is shorter',
    code: 'content-differs',
    quick: 'content-differs',
    make: () => sql`update writ.blobs set bytes = 'te'`,
  },
  {
    what: 'the reply to a command cannot be read',
    code: 'reply-unreadable',
    quick: 'reply-unreadable',
    make: () => sql`update writ.replies set reply = '{"directive": '`,
  },
]

class Undone extends Error {}

/** Makes a damage, runs with it, and takes it back: nobody else ever sees it. */
const damaged = async (make: Damage['make'], run: () => Promise<void>): Promise<void> => {
  const undone = connection.begin(async (transaction) => {
    sql = transaction
    await make()
    await run()
    throw new Undone()
  })
  await expect(undone).rejects.toThrow(Undone)
}

it('finds nothing before, quick or not, of all or of one directive', async () => {
  expect(await look(false)).toEqual([])
  expect(await look(true)).toEqual([])
  expect(await look(false, works)).toEqual([])
})

it.each(damages)('$what: $code', ({ make, code, also = [], quick }) =>
  damaged(make, async () => {
    const found = await lookInside()
    expect(found.all).toEqual([code, ...also].toSorted())
    if (quick === undefined) expect(found.quick).toEqual([])
    else expect(found.quick).toContain(quick)
  }),
)

it('does not miss at the registry what the desk of a mended directive is about to ask for', () =>
  damaged(
    async () => {
      await sql`delete from writ.needs`
      const body = Buffer.from(pack({ type: 'desk.look' }))
      await sql`insert into writ.messages (shard, "to", "from", body)
        select shard, key, 'mend', ${body} from writ.actors where key = ${actorKey(owner, 'queues')}`
    },
    async () => expect((await lookInside()).all).toEqual([]),
  ))

it('finds nothing after, and every kind was made', async () => {
  expect(await look(false)).toEqual([])
  expect(new Set(damages.map(({ code }) => code))).toEqual(new Set(Object.keys(findingCodes)))
})

it('looks at one directive alone', () =>
  damaged(
    () => remember(step(0), { round: 7 }),
    async () => {
      const survey = await surveyOf(sql, {})
      const { findings } = await verify(survey, { directive: works, quick: false })
      expect(codesOf(findings)).toEqual(['columns-differ', 'journal-differs'])
      const other = await verify(survey, { directive: actorKey(owner, 'ended'), quick: false })
      expect(other.findings).toEqual([])
    },
  ))
