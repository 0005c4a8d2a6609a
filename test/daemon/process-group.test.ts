/** Groups by record: the system gives an id to somebody else once nobody has it any more. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import type { RunningAttempt } from '../../src/daemon/attempt.ts'
import type { AttemptRecord } from '../../src/daemon/attempts.ts'
import { openAttempts } from '../../src/daemon/attempts.ts'
import { realClock } from '../../src/daemon/clock.ts'
import { openHome } from '../../src/daemon/home.ts'
import type { ProcessGroup } from '../../src/daemon/process-group.ts'
import { groupLives, startedAt, statOf } from '../../src/daemon/process-group.ts'
import type { RunningAttempts } from '../../src/daemon/running.ts'
import { openRunning } from '../../src/daemon/running.ts'
import { openReports } from '../../src/daemon/reports.ts'
import { openWire } from '../../src/daemon/wire.ts'
import { after, lives, memoryBus, quiet, skipAloud, spawnOf, temporaryFolder, until } from './support.ts'

const files = vi.hoisted(() => ({ areOut: false }))
vi.mock(import('node:fs'), async (original) => {
  const real = await original()
  const orNone =
    <Args extends unknown[], Read>(read: (...args: Args) => Read) =>
    (...args: Args): Read => {
      if (files.areOut) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
      return read(...args)
    }
  return { ...real, readFileSync: orNone(real.readFileSync) as typeof real.readFileSync }
})

/** A job of a shell: a group in the shell's session, whose leader has ended and left one process in it. */
const job = async (): Promise<{ group: number; left: number }> => {
  const script = 'set -m; /bin/sh -c \'sleep 1000 & echo "$$ $!"\' & wait; sleep 1000'
  const shell = spawn('/bin/bash', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  after(() => Promise.resolve(shell.kill('SIGKILL')))
  const said = await new Promise<string>((done) => shell.stdout.once('data', (chunk: Buffer) => done(chunk.toString())))
  const [group = 0, left = 0] = said.trim().split(' ').map(Number)
  after(() => Promise.resolve(lives(left) && process.kill(left, 'SIGKILL')))
  await until(() => statOf(group) === null)
  return { group, left }
}

test('a job of a shell that got the id of a group of ours is none of ours, and is not killed', async ({ skip }) => {
  if (process.platform !== 'linux') return skipAloud(skip, 'only a Linux shows who is in a group')
  const { group: id, left } = await job()
  // As recorded before the shell began.
  const group = { id, started: startedAt(process.pid) ?? '' }
  expect(groupLives(group)).toBe(false)
  const running = await runningWith(group)
  running.killAll()
  expect(lives(left)).toBe(true)
})

test('what runs is killed at the end of a process that can open no more files', async () => {
  const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' })
  const ended = once(child, 'exit')
  after(() => Promise.resolve(child.kill('SIGKILL')))
  const id = child.pid ?? 0
  const running = await runningWith({ id, started: startedAt(id) ?? '' })
  files.areOut = true
  try {
    running.killAll()
  } finally {
    files.areOut = false
  }
  expect(await ended).toEqual([null, 'SIGKILL'])
})

const runningWith = async (group: ProcessGroup): Promise<RunningAttempts> => {
  const wire = openWire(memoryBus(), 'default', 'tester')
  const home = await openHome(temporaryFolder())
  const reports = openReports(wire, realClock, quiet, AbortSignal.abort())
  const attempt: RunningAttempt = {
    end: () => undefined,
    outcome: new Promise(() => undefined),
    read: () => ({ offset: 0, bytes: Buffer.alloc(0), total: 0 }),
    remove: () => Promise.resolve(),
  }
  const attempts = openAttempts(home.attempts)
  const around = { attempts, reports, log: quiet, run: () => attempt, removePlans: () => Promise.resolve() }
  const running = openRunning(
    around,
    () => undefined,
    () => undefined,
  )
  const rest = { attempt: 1, nonce: 'n', session: 's', address: '7.t', acceptedAt: 0, token: null, outcome: null }
  const record: AttemptRecord = { ...rest, task: 't', spawn: spawnOf('t'), output: null, receipt: null, group }
  running.begin(record, spawnOf('t'))
  return running
}
