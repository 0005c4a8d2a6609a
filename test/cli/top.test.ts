/** `writ top` and `writ node list`: what they show of threads and of an owner, at which width, and to which pipe. */
import { expect, test } from 'vitest'
import type { OwnerFigures, ThreadFigures } from '../../src/protocol/figures.ts'
import { topLines } from '../../src/cli/top-text.ts'
import { ratesTogether, threadLines } from '../../src/cli/thread-rates.ts'
import { terminalOf } from '../../src/cli/terminal.ts'
import { call, FakeNode } from './call.ts'

const time = '2026-05-01T12:00:00.000Z'

const figures = (more: Partial<ThreadFigures> = {}): ThreadFigures => ({
  node: 'anvil-1',
  shards: 128,
  upMs: 60_000,
  busyMs: 6_000,
  queue: 0,
  mailbox: 2,
  actors: 40,
  heapBytes: 40 * 1024 * 1024,
  commits: 100,
  units: 300,
  rows: 900,
  actorRows: 300,
  messageRows: 10,
  refusedCommits: 1,
  unknownCommits: 0,
  ...more,
})

/** As a thread answers `$SRV.STATS`. */
const stats = (id: string, data?: object) => ({
  id,
  version: '0.1.0',
  endpoints: [{ name: 'api', num_requests: 5, num_errors: 1, ...(data === undefined ? {} : { data }) }],
})

const owner: OwnerFigures = {
  time,
  directives: { open: { active: 3, planning: 1 }, ended: { completed: 12 }, of: 1000, parked: 1 },
  mailbox: { messages: 12, oldest: { to: 'hello__1_0', since: '2026-05-01T11:59:57.000Z' } },
  daemons: { count: 3, pulls: 1, draining: 1, slots: 7, running: 2 },
  daemonLines: ['busy', 'idle'].map((name, at) => ({
    name,
    session: 's',
    roles: ['worker', 'evaluator'],
    executors: ['shell'],
    labels: {},
    slots: 3,
    granted: 2 - 2 * at,
    running: 2 - 2 * at,
    draining: at === 1,
    pull: false,
    since: time,
    asOf: time,
    silentMs: at === 0 ? 2100 : null,
  })),
  grants: { open: 2, recalled: 1 },
  needs: [{ role: 'worker', tasks: 4, since: '2026-05-01T11:58:00.000Z' }],
}

/** Each look finds what has happened in the second since the one before. */
const busyNode = (): FakeNode => {
  let looks = 0
  const after = (counters: Partial<ThreadFigures>): ThreadFigures => figures(counters)
  return new FakeNode({
    '$SRV.STATS': () => {
      const n = looks++
      return [
        stats(
          'anvil-1-1',
          after({ upMs: 60_000 + 1000 * n, busyMs: 6_000 + 250 * n, commits: 100 + 20 * n, units: 300 + 60 * n }),
        ),
        stats('anvil-1-0', after({ upMs: 60_000 + 1000 * n, busyMs: 6_000 + 750 * n })),
        stats('old-0'),
        { id: 'no thread of ours' },
      ]
    },
    'owner.figures': () => owner,
  })
}

test('top into a pipe is one snapshot: a line for each thing, whole values, rates of the time between two looks', async () => {
  const { code, out, err } = await call(['top', '--interval', '1ms'], { node: busyNode() })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toBe(`time\t${time}
shards\t256\t256
thread\tanvil-1-0\tanvil-1\t0.1.0\t128\t0.750\t0.0\t\t0\t2\t40\t41943040\t1\t0
thread\tanvil-1-1\tanvil-1\t0.1.0\t128\t0.250\t20.0\t3.0\t0\t2\t40\t41943040\t1\t0
thread\told-0\t\t0.1.0
directives\tactive\t3
directives\tplanning\t1
directives\tcompleted\t12
parked\t1
mailbox\t12\thello__1_0\t2026-05-01T11:59:57.000Z
need\tworker\t4\t2026-05-01T11:58:00.000Z
grants\t2\t1
daemon\tbusy\t3\t2\t2\t2100\tready\tworker,evaluator
daemon\tidle\t3\t0\t0\t\tdraining\tworker,evaluator
`)
})

test('top --once --json is one object with the threads, their rates and the figures of the owner as they are', async () => {
  const { out } = await call(['top', '--once', '--json', '--interval', '1ms'], { node: busyNode() })
  const view = JSON.parse(out)
  expect(view).toMatchObject({
    time,
    owner: 'default',
    figures: owner,
    perSecond: { commits: 20, units: 60, load: 0.5 },
  })
  expect(view.threads).toHaveLength(3)
  expect(view.threads[2]).toMatchObject({ thread: 'old-0', figures: null, perSecond: null })
})

test('top asks in vain when no node answers, and says what to do', async () => {
  const { code, err } = await call(['top', '--once'], { node: new FakeNode({}) })
  expect(code).toBe(3)
  expect(err).toContain('no node answers')
  expect(err).toContain('writ up')
})

const view = (daemons = 2, threads = 2) => {
  const each = Array.from({ length: threads }, (_, at) => stats(`anvil-1-${at}`, figures()))
  const read = each.map(({ id, version }, at) => ({
    thread: id,
    version,
    requests: 5,
    errors: 0,
    figures: figures({ shards: 256 / threads, upMs: 61_000, busyMs: 6_000 + at, commits: 110, units: 345, rows: 990 }),
  }))
  const before = read.map((line) => ({ ...line, figures: figures() }))
  const lines = threadLines(read, before)
  const [busy] = owner.daemonLines
  const daemonLines = Array.from(
    { length: daemons },
    (_, at) => ({ ...busy, name: `d${at}` }) as (typeof owner.daemonLines)[0],
  )
  const of = { ...owner, daemonLines, daemons: { ...owner.daemons, count: daemons } }
  return { time, owner: 'default', threads: lines, perSecond: ratesTogether(lines), figures: of }
}
const terminal = terminalOf({ write: () => undefined, isTTY: true }, { write: () => undefined }, false)
const clock = new Date(time).toTimeString().slice(0, 8)

test('top for a person: the whole in a few lines, then threads and daemons as tables', () => {
  expect(topLines(view(), terminal, { columns: 80, rows: 24 })).toEqual([
    `writ top  ${clock}  owner default`,
    'nodes       1 with 2 threads and 256 of 256 shards',
    'commits     20.0 a second of 4.5 units, 2 refused, 0 unknown',
    'directives  3 active, 1 planning, of the newest 1000: 12 completed, 1 parked',
    'mailboxes   12 messages, the oldest to hello__1_0 for 3 s',
    'needs       4 workers for up to 2 min',
    'grants      2 open, 1 recalled',
    'daemons     1 with 7 slots, 2 running, 1 pull, 1 draining',
    '',
    'THREAD     SHARDS  LOAD  COMMIT/S  UNITS  QUEUE  MAIL  ACTORS    HEAP  REFUSED …',
    'anvil-1-1     128    0%      10.0    4.5      0     2      40  40 MiB        1 …',
    'anvil-1-0     128    0%      10.0    4.5      0     2      40  40 MiB        1 …',
    '',
    'DAEMON  SLOTS  RUNNING  BEAT  STATE  ROLES',
    'd0        2/3        2   2 s  ready  worker,evaluator',
    'd1        2/3        2   2 s  ready  worker,evaluator',
  ])
})

test.each([
  { columns: 60, rows: 24 },
  { columns: 80, rows: 40 },
  { columns: 120, rows: 18 },
])('top fits a terminal of $columns by $rows, and says what is not shown', (size) => {
  const lines = topLines(view(100, 64), terminal, size)
  expect(lines.length).toBeLessThanOrEqual(size.rows)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(size.columns)
  const shown = lines.filter((line) => /^d\d/.test(line)).length
  const threads = lines.filter((line) => line.startsWith('anvil')).length
  expect(shown).toBeGreaterThanOrEqual(2)
  expect(lines).toContain(`… and ${100 - shown} daemons more`)
  expect(lines).toContain(`… and ${64 - threads} threads more`)
})

test('top goes on until Ctrl-C on a terminal, and draws that no node answers while there is none', async () => {
  let looks = 0
  const node = new FakeNode({
    '$SRV.STATS': () => {
      if (++looks === 3) process.emit('SIGINT', 'SIGINT')
      return looks === 2 ? [] : [stats('anvil-1-0', figures())]
    },
    'owner.figures': () => owner,
  })
  const { code, out } = await call(['top', '--interval', '1ms'], { node, terminal: 80 })
  expect(code).toBe(0)
  expect(out).toContain('128 of 256 shards; 128 are on the move')
  expect(out).toContain('no node answers')
})

test('node list puts the threads of each node together', async () => {
  const { out, err } = await call(['node', 'list'], { node: busyNode() })
  expect(out).toBe('\t1\t0\t\t0.1.0\t\tready\t\t0\t\nanvil-1\t2\t256\t0.500\t0.1.0\t61000\tready\t\t4\t20.0\n')
  expect(err).toBe('')
  const json = JSON.parse((await call(['node', 'list', '--json'], { node: busyNode() })).out)
  expect(json.nodes[1]).toMatchObject({ node: 'anvil-1', shards: 256, versions: ['0.1.0'] })
  const nobody = await call(['node', 'list'], { node: new FakeNode({ '$SRV.STATS': () => [] }) })
  expect(nobody).toEqual({ code: 0, out: '', err: 'No node answers.\nnext: writ up\n' })
})

const lease = (node: string, index: number, more: object = {}) => ({
  thread: `${node}-${index}`,
  node,
  version: '0.1.0',
  schema: 10,
  since: '2026-05-01T11:50:00.000Z',
  until: '2026-05-01T12:00:07.000Z',
  leaving: false,
  shards: 64,
  ...more,
})

test('node list shows a node that has a lease and does not answer as silent, with what the database has of it', async () => {
  let looks = 0
  const node = new FakeNode({
    '$SRV.STATS': () =>
      [0, 1].map((at) => stats(`anvil-1-${at}`, figures({ shards: 64, upMs: 60_000 + 1000 * looks++ }))),
    'node.list': () => ({
      time,
      schema: 11,
      threads: [
        ...[0, 1].map((at) => lease('anvil-1', at, { schema: 11, leaving: true })),
        ...[0, 1].map((at) => lease('brick-2', at)),
      ],
    }),
  })
  const { out, err } = await call(['node', 'list'], { node })
  const [first, second] = out.split('\n')
  expect(first).toMatch(/^anvil-1\t2\t128\t.*\tleaving\t11\t4\t/)
  expect(second).toBe('brick-2\t2\t128\t\t0.1.0\t600000\tsilent\t10\t0\t')
  expect(err).toBe(
    'brick-2: 2 threads do not answer; the lease is over in 7 s, then others take the 128 shards\n' +
      'The database has schema 11; once stopped, brick-2 cannot come back.\n',
  )
  const json = JSON.parse((await call(['node', 'list', '--json'], { node })).out)
  expect(json).toMatchObject({ schema: 11, nodes: [{ state: 'leaving' }, { state: 'silent', silent: [{}, {}] }] })
})
