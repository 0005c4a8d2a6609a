/** What `writ doctor` finds, on real servers and without any, and what `writ inbox` takes for waiting. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import type { DaemonLine } from '../../src/protocol/views.ts'
import type { ParkedLine } from '../../src/protocol/parked.ts'
import type { WaitLine } from '../../src/protocol/waiting.ts'
import { call, FakeNode } from './call.ts'
import { parkedLine, waitLine } from './views.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'writ-doctor-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

const since = '2026-05-01T11:59:20Z'
const daemon = (more: Partial<DaemonLine> = {}): DaemonLine => ({
  name: 'builder',
  session: 's',
  roles: ['worker'],
  executors: ['shell'],
  labels: { gpu: 'yes' },
  slots: 2,
  granted: 0,
  running: 0,
  draining: false,
  pull: false,
  since,
  asOf: since,
  ...more,
})
const none = { lines: [], next: null }

interface Finding {
  what: string
  state: string
  found: string
  remedy: string | null
}

/** What it found, by what it looked at. */
const examined = async (more: Record<string, string>, node?: FakeNode) => {
  const env = { PATH: process.env['PATH'] ?? '', WRIT_HOME: data, ...more }
  const { code, out, err } = await call(['doctor', '--json'], { env, ...(node === undefined ? {} : { node }) })
  expect(err).toBe('')
  const { well, findings } = JSON.parse(out) as { well: boolean; findings: Finding[] }
  return { code, well, findings: new Map(findings.map((finding) => [finding.what, finding])), out }
}
const servers = () => ({ WRIT_DATABASE_URL: inject('databaseUrl'), WRIT_NATS_URL: inject('natsUrl') })
const answering = (lines: readonly DaemonLine[], more: ConstructorParameters<typeof FakeNode>[0] = {}) =>
  new FakeNode({
    'daemon.list': () => ({ lines, next: null }),
    'directive.list': () => none,
    'waiting.list': () => none,
    'parked.list': () => none,
    ...more,
  })

describe('doctor', () => {
  test('with both servers, a node and a daemon all is well, and it ends with 0', async () => {
    const { code, well, findings, out } = await examined(servers(), answering([daemon()]))
    expect([...findings.keys()]).toEqual([
      'Node',
      'git',
      'settings',
      'retention',
      'data folder',
      'Postgres',
      'state',
      'NATS',
      'node',
      'daemons',
      'inbox',
    ])
    expect([...findings.values()].filter(({ state }) => state !== 'ok')).toEqual([])
    expect({ code, well }).toEqual({ code: 0, well: true })
    expect(findings.get('Postgres')?.found).toMatch(/; the database has \d+ MiB$/)
    expect(findings.get('retention')?.found).toBe(
      'directives that have ended for 90 d, events for 90 d, journals for 90 d',
    )
    expect(findings.get('NATS')?.found).toMatch(/^2\.\d+\.\d+ at nats:.*, with JetStream$/)
    for (const url of Object.values(servers())) expect(out).not.toContain(new URL(url).password)
  })

  test('where nothing runs, private servers can be started, and a node is what is missing', async () => {
    const { code, findings } = await examined({})
    expect(code).toBe(1)
    expect(findings.get('Postgres')).toMatchObject({
      state: 'ok',
      found: expect.stringMatching(/^a private one can be started: \d/) as string,
    })
    expect(findings.get('NATS')).toMatchObject({
      state: 'ok',
      found: expect.stringMatching(/^a private one can be started: 2\./) as string,
    })
    expect(findings.get('node')).toMatchObject({
      state: 'problem',
      remedy: expect.stringMatching(/`writ up --daemon`/) as string,
    })
    expect(findings.get('daemons')).toMatchObject({
      state: 'note',
      found: expect.stringMatching(/^not looked at/) as string,
    })
  })

  test('servers that do not answer are told with who named them and without their passwords, and all else is looked at', async () => {
    const { code, findings, out } = await examined({
      WRIT_DATABASE_URL: 'postgres://me:geheim@127.0.0.1:9/writ',
      WRIT_NATS_URL: 'nats://me:geheim@127.0.0.1:9',
    })
    expect(code).toBe(1)
    expect(findings.get('Postgres')).toMatchObject({
      state: 'problem',
      found: expect.stringMatching(/; the address is from WRIT_DATABASE_URL$/) as string,
    })
    expect(findings.get('NATS')).toMatchObject({
      state: 'problem',
      remedy: 'start that server, or correct WRIT_NATS_URL',
    })
    expect(findings.get('data folder')?.state).toBe('ok')
    expect(out).not.toContain('geheim')
  })

  test('a Postgres that does not let its user in is told by what it says, without the password', async () => {
    const wrong = new URL(servers().WRIT_DATABASE_URL)
    wrong.password = 'geheim'
    const { code, findings, out } = await examined({ ...servers(), WRIT_DATABASE_URL: wrong.href })
    expect(code).toBe(1)
    expect(findings.get('Postgres')).toMatchObject({
      state: 'problem',
      found: expect.stringMatching(/does not accept user "/) as string,
      remedy: expect.stringMatching(/WRIT_DATABASE_URL/) as string,
    })
    expect(out).not.toContain('geheim')
  })

  test('a NATS server without any node on it is told as such', async () => {
    const { code, findings } = await examined({ ...servers(), WRIT_OWNER: 'nobody-asks-for-this-one' })
    expect(code).toBe(1)
    expect(findings.get('node')).toMatchObject({ state: 'problem', remedy: 'start one with `writ up`' })
  })

  test('no daemon, one that drains, and one without slots are each told', async () => {
    for (const lines of [[], [daemon({ draining: true })], [daemon({ slots: 0 })]]) {
      const { code, findings } = await examined(servers(), answering(lines))
      expect(code).toBe(1)
      expect(findings.get('daemons')).toMatchObject({
        state: 'problem',
        remedy: expect.stringMatching(/`writ daemon run`/) as string,
      })
    }
  })

  test('a data folder that others may read is told, with the command that mends it', async () => {
    chmodSync(data, 0o755)
    const { code, findings } = await examined(servers(), answering([daemon()]))
    expect(code).toBe(1)
    expect(findings.get('data folder')).toMatchObject({ state: 'problem', remedy: `chmod 700 ${data}` })
  })

  test('settings that are not usable are told whole; what needs them is not looked at', async () => {
    const { code, findings } = await examined({ WRIT_OWNER: 'a b', WRIT_NATS_URL: 'http://x' })
    expect(code).toBe(1)
    expect(findings.get('settings')?.found).toMatch(/WRIT_OWNER: .*WRIT_NATS_URL: /)
    expect(findings.get('NATS')).toMatchObject({
      state: 'note',
      found: expect.stringMatching(/^not looked at/) as string,
    })
  })

  test('without git only a note is made', async () => {
    const { code, findings } = await examined({ ...servers(), PATH: data }, answering([daemon()]))
    expect(findings.get('git')).toMatchObject({
      state: 'note',
      remedy: expect.stringMatching(/^install git/) as string,
    })
    expect(code).toBe(0)
  })

  test('something parked is a problem, something held only a note', async () => {
    const held = waitLine('d', { status: 'held' })
    const parked = waitLine('d', { id: 'd', kind: 'directive', step: null, parked: 'no such version' })
    const of = (...lines: WaitLine[]) => answering([daemon()], { 'waiting.list': () => ({ lines, next: null }) })
    expect(await examined(servers(), of(held))).toMatchObject({ code: 0 })
    const { code, findings } = await examined(servers(), of(held, parked))
    expect(code).toBe(1)
    expect(findings.get('inbox')).toMatchObject({
      found: expect.stringMatching(/^1 parked, 1 held/) as string,
      remedy: expect.stringContaining('see `writ parked list`') as string,
    })
  })

  test('in a pipe it is a line each, tab-separated', async () => {
    const { out } = await call(['doctor'], { env: { WRIT_OWNER: 'a b' } })
    expect(out.split('\n').slice(0, -1)).toHaveLength(10)
    expect(out).toMatch(/^ok\tNode\t\d+\./)
  })
})

describe('inbox', () => {
  const none: ParkedLine[] = []
  const node = (...pages: WaitLine[][]) => nodeWith(none, pages)
  const nodeWith = (parkedLines: readonly ParkedLine[], pages: readonly WaitLine[][]) =>
    new FakeNode({
      'parked.list': () => ({ lines: parkedLines, next: null }),
      'waiting.list': ({ stuck, after = '0' }) => {
        const at = Number(after)
        const lines = stuck === true ? pages[at] : []
        return { lines, next: at + 1 < pages.length ? String(at + 1) : null }
      },
    })
  const lines = async (from: FakeNode) => {
    const { code, out } = await call(['inbox', '--json'], { node: from })
    expect(code).toBe(0)
    return (JSON.parse(out) as { inbox: unknown[] }).inbox
  }
  const held = (step: string, more: Partial<WaitLine>) =>
    waitLine('d', { step, status: 'held', waiting: 'a person: approval', next: `writ step show d/${step}`, ...more })
  const parked = (more: Partial<WaitLine>) =>
    waitLine('d', { waiting: 'a person: mend', next: 'writ directive mend d', ...more })

  test('what is held or parked is in it with why and since when, oldest first', async () => {
    const fault = parked({ step: 'step1', parked: 'a fault', since: '2026-05-01T09:00:00Z' })
    const unread = held('step0', { reason: 'the verdict could not be read', since: '2026-05-01T10:00:00Z' })
    const whole = parked({ id: 'd', step: null, kind: 'directive', parked: 'no machine of version 9' })
    expect(await lines(node([fault, unread], [whole, held('step2', {})]))).toEqual([
      {
        kind: 'parked',
        directive: 'd',
        step: 'step1',
        why: 'a fault',
        since: '2026-05-01T09:00:00Z',
        next: 'writ directive mend d',
      },
      {
        kind: 'held',
        directive: 'd',
        step: 'step0',
        why: 'the verdict could not be read',
        since: '2026-05-01T10:00:00Z',
        next: 'writ step show d/step0',
      },
      {
        kind: 'parked',
        directive: 'd',
        step: null,
        why: 'no machine of version 9',
        since,
        next: 'writ directive mend d',
      },
      { kind: 'held', directive: 'd', step: 'step2', why: 'a person: approval', since, next: 'writ step show d/step2' },
    ])
  })

  test('a parked message is in it, beside the actors that wait, and its actor is not in it twice', async () => {
    const fault = parked({ step: 'step1', parked: 'a fault', since: '2026-05-01T09:00:00Z' })
    const message = parkedLine('d', { since: '2026-05-01T08:00:00Z', reason: 'it is no message', type: null })
    const actor = parkedLine('d', { kind: 'step', id: 'd__1_1' })
    expect(await lines(nodeWith([message, actor], [[fault]]))).toMatchObject([
      {
        ...{ kind: 'parked', directive: 'd', step: null, since: '2026-05-01T08:00:00Z' },
        why: 'a message that cannot be read: it is no message',
        next: 'writ parked show d__m41',
      },
      { kind: 'parked', step: 'step1', why: 'a fault' },
    ])
  })

  test('work that no daemon can do is in it once, with the daemon that would do it', async () => {
    const needs = { role: 'worker', labels: { host: 'here', gpu: 'yes' }, executor: 'agent' } as const
    const next = 'writ daemon run --role worker --label gpu=yes --executor agent="program arguments"'
    const wanting = waitLine('d', { step: 'look', waiting: 'a slot for a worker', needs, next })
    const judging = { ...wanting, needs: { role: 'evaluator', labels: {}, executor: null } } as const
    expect(await lines(node([wanting, { ...wanting, step: 'rest' }, judging]))).toMatchObject([
      {
        kind: 'no daemon',
        directive: 'd',
        step: 'look',
        why: 'a daemon for the role worker with labels gpu=yes, host=here and the executor agent: none is connected',
        since,
        next,
      },
      { why: 'a daemon for the role evaluator: none is connected' },
    ])
  })

  test('when nothing waits, that is said', async () => {
    expect((await call(['inbox'], { node: node([]) })).err).toBe('Nothing waits for a person.\n')
  })
})
