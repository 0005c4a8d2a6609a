import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { runDaemon } from '../../src/daemon/daemon.ts'
import { workPlan } from '../../src/machines/prompts.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node } from './support.ts'
import { after, lives, memoryBus, openNode, quiet, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

/** Sends a spawn again (while the receipt is being written down it only confirms it) until so many reports have come. */
const askUntil = async (node: Node, spawn: Spawn, count: number): Promise<void> => {
  while (node.reports.filter(({ task, verb }) => task === spawn.task.id && verb !== 'progress').length < count) {
    expect(await node.order('spawn', spawn)).toEqual({ accepted: true })
    // The daemon's files and processes need the event loop to turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a daemon runs attempts', () => {
  test('a script that succeeds is reported as done with its output', async () => {
    const node = openNode()
    await startDaemon(node)
    expect(await node.order('spawn', spawnOf('t1', { task: { plan: 'echo hello; pwd' } }))).toEqual({ accepted: true })
    const { verb, body } = await node.outcome('t1')
    expect(verb).toBe('done')
    expect(body['result']).toMatch(/^hello\n/)
    expect(body).toMatchObject({ attempt: 1, nonce: 'nonce-t1', session: node.hellos[0]?.['session'] })
  })

  test('R28: an exit code is a failure of the work, and carries the last output', async () => {
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: 'echo what went wrong >&2\nfalse\necho never' } }))
    const { verb, body } = await node.outcome('t1')
    expect([verb, body['means']]).toEqual(['failed', false])
    expect(body['reason']).toContain('exit code 1')
    expect(body['reason']).toContain('what went wrong')
    expect(body['reason']).not.toContain('never')
  })

  test('R28: a signal and a program that is not there are failures of the means', async () => {
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: 'kill -9 $$' } }))
    await node.order('spawn', spawnOf('t2', { executor: 'command', command: ['no-such-program-here'] }))
    expect((await node.outcome('t1')).body).toMatchObject({
      means: true,
      reason: expect.stringContaining('SIGKILL') as string,
    })
    expect((await node.outcome('t2')).body).toMatchObject({
      means: true,
      reason: expect.stringContaining('no-such-program-here') as string,
    })
  })

  test('an executor that the daemon does not have is a failure that names those it has', async () => {
    const node = openNode()
    await startDaemon(node, { executors: { mine: ['cat'] } })
    await node.order('spawn', spawnOf('t1', { executor: 'theirs' }))
    await node.order('spawn', spawnOf('t2', { executor: 'mine', task: { plan: 'the plan' } }))
    expect((await node.outcome('t1')).body).toMatchObject({
      means: false,
      reason: expect.stringContaining('shell, command, checks, mine') as string,
    })
    expect((await node.outcome('t2')).body['result']).toBe('the plan')
  })

  test('the executor "command" gets the plan on standard input and runs without a shell', async () => {
    const node = openNode()
    await startDaemon(node)
    const command = ['sh', '-c', 'cat; cat "$WRIT_PLAN_FILE"; echo "$1"', 'sh', '$(id) *']
    await node.order('spawn', spawnOf('t1', { executor: 'command', command, task: { plan: 'PLAN\n' } }))
    expect((await node.outcome('t1')).body['result']).toBe('PLAN\nPLAN\n$(id) *')
  })

  test('R25: on a rework a script runs without the prose at its head, and reads the feedback from its file', async () => {
    const node = openNode()
    await startDaemon(node)
    const task = { round: 2, feedback: 'Write "two" instead; $(exit 3)\n\n## Not a heading of ours' }
    const plan = workPlan({ name: 'first', taskPlan: 'cat "$WRIT_FEEDBACK_FILE"\necho the script' }, task)
    await node.order('spawn', spawnOf('t1', { feedback: { round: 2, text: task.feedback }, task: { plan } }))
    expect((await node.outcome('t1')).body['result']).toBe(`${task.feedback}the script`)
  })

  test('R45: a spawn that comes twice, at once or after the end, is run once and its report is sent again', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const count = join(home, 'count')
    const spawn = spawnOf('t1', { task: { plan: `echo run >> ${count}` } })
    expect(await Promise.all([node.order('spawn', spawn), node.order('spawn', spawn)])).toEqual([
      { accepted: true },
      { accepted: true },
    ])
    await node.outcome('t1')
    await askUntil(node, spawn, 2)
    expect(readFileSync(count, 'utf8')).toBe('run\n')
  })

  test('R39: without a free slot or when draining a spawn is refused, and drained resolves once nothing runs', async () => {
    const node = openNode()
    const daemon = await startDaemon(node, { slots: 1 })
    const gate = join(daemon.home, 'gate')
    await node.order('spawn', spawnOf('t1', { task: { plan: `until [ -e ${gate} ]; do sleep 0.02; done` } }))
    await expect(node.order('spawn', spawnOf('t2'))).rejects.toMatchObject({ code: 'BUSY' })
    await node.order('drain', {})
    await expect(node.order('spawn', spawnOf('t3'))).rejects.toMatchObject({ code: 'DRAINING' })
    await until(() => node.beats.at(-1)?.['draining'] === true)
    writeFileSync(gate, '')
    await daemon.drained
    expect(node.reports.map(({ verb, task }) => `${verb} ${task}`)).toContain('done t1')
  })

  test('R45: reports are sent again until the receipt, and a stale one is the end of it', async () => {
    const node = openNode()
    await startDaemon(node)
    const away = { code: 'NOT_HOLDER', message: 'not here' } as const
    node.refuse(away, { code: 'NO_ANSWER', message: 'lost' }, { code: 'PARKED', message: 'waits' })
    await node.order('spawn', spawnOf('t1'))
    await until(() => node.reports.filter(({ verb }) => verb === 'done').length === 4)
    node.refuse({ code: 'STALE', message: 'not the open attempt' })
    await node.order('spawn', spawnOf('t2'))
    await node.outcome('t2')
    await until(() => node.beats.some((beat) => JSON.stringify(beat['running']) === '[]'))
    expect(node.reports.filter(({ task }) => task === 't2')).toHaveLength(1)
  })

  test('malformed orders are refused and change nothing', async () => {
    const node = openNode()
    await startDaemon(node)
    await expect(node.order('spawn', { task: 'nonsense' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(node.order('spawn', spawnOf('../../etc'))).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await expect(node.order('cancel', { task: 'a.b', attempt: 1, nonce: 'x' })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    })
    await node.order('spawn', spawnOf('t1'))
    expect((await node.outcome('t1')).verb).toBe('done')
  })

  test('a second process on the same home is refused and told which one has it', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const second = runDaemon({
      bus: memoryBus(),
      owner: 'default',
      name: 'other',
      slots: 1,
      roles: ['worker'],
      log: quiet,
      home,
    })
    await expect(second).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining(String(process.pid)) as string,
    })
  })

  test('a daemon whose name is taken says so and goes on asking; one that is refused for what it says gives up', async () => {
    const said: string[] = []
    const warn = (fields: object, text: string): void => void said.push(`${text} ${JSON.stringify(fields)}`)
    const node = openNode()
    const { home } = await startDaemon(node)
    const refusals = [
      { code: 'NAME_TAKEN', message: 'a daemon named tester is connected already' },
      { code: 'BAD_INPUT', message: 'labels.x: Too big' },
    ]
    const bus = memoryBus()
    bus.answer(subjects.daemon.pattern({ owner: 'default', id: 'tester', verb: 'hello' }), () => ({
      error: refusals.shift(),
    }))
    const log = { ...quiet, warn }
    const daemon = await runDaemon({
      bus,
      owner: 'default',
      name: 'tester',
      slots: 1,
      roles: ['worker'],
      log,
      home: `${home}.2`,
    })
    after(() => daemon.stop(true))
    after(() => rm(`${home}.2`, { recursive: true }))
    await expect(daemon.ready).rejects.toMatchObject({ code: 'BAD_INPUT' })
    expect(said).toEqual([expect.stringMatching(/the registry refuses this daemon .*tester is connected already/)])
    expect(refusals).toEqual([])
  })

  test('a daemon that no node answers says hello again until one does, and again when it is not known any more', async () => {
    const bus = memoryBus()
    const home = temporaryFolder()
    const daemon = await runDaemon({
      bus,
      owner: 'default',
      name: 'tester',
      slots: 2,
      roles: ['worker'],
      log: quiet,
      home,
      labels: { disk: 'fast' },
    })
    const node = openNode(bus)
    await daemon.ready
    expect(node.hellos[0]).toMatchObject({
      slots: 2,
      roles: ['worker'],
      labels: { disk: 'fast', host: expect.any(String) as string },
      running: [],
    })
    await until(() => node.beats.length > 2)
    node.forget()
    await until(() => node.hellos.length > 1)
    expect(node.hellos[1]).toMatchObject({ session: node.hellos[0]?.['session'], home: node.hellos[0]?.['home'] })
    await daemon.stop()
    const locks = readdirSync(home).filter((name) => name.startsWith('lock'))
    const released = locks.map((name) => JSON.parse(readFileSync(join(home, name), 'utf8')) as unknown)
    expect(released).toEqual([expect.objectContaining({ released: true })])
  })
})

describe('a daemon ends attempts', () => {
  const longPlan = (pids: string): string =>
    `trap '' TERM\n(trap '' TERM; echo $BASHPID >> ${pids}; while :; do sleep 1; done) &\necho $$ >> ${pids}\nwhile :; do sleep 1; done`
  const read = (file: string, lines: number): Promise<number[]> =>
    until(() => {
      const found = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
      return found.length >= lines ? found.map(Number) : null
    })

  test('cancel ends the process with its grandchildren, even those that ignore TERM', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: longPlan(join(home, 'pids')) } }))
    const pids = await read(join(home, 'pids'), 2)
    expect(pids.every(lives)).toBe(true)
    expect(await node.order('cancel', { task: 't1', attempt: 1, nonce: 'nonce-t1' })).toEqual({ accepted: true })
    expect((await node.outcome('t1')).body).toMatchObject({ reason: 'cancelled', means: false })
    expect(pids.some(lives)).toBe(false)
  })

  test('grandchildren that a process leaves behind are killed when it ends', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const pids = join(home, 'pids')
    await node.order('spawn', spawnOf('t1', { task: { plan: `sleep 1000 & echo $! > ${pids}` } }))
    expect((await node.outcome('t1')).verb).toBe('done')
    expect((await read(pids, 1)).some(lives)).toBe(false)
  })

  test('processes that went into a session of their own are ended with their attempt', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const pids = join(home, 'pids')
    await node.order(
      'spawn',
      spawnOf('t1', {
        task: { plan: `setsid sh -c 'echo $$ > ${pids}; exec sleep 1000' & until [ -s ${pids} ]; do sleep 0.01; done` },
      }),
    )
    expect((await node.outcome('t1')).verb).toBe('done')
    expect((await read(pids, 1)).some(lives)).toBe(false)
  })

  test('finish ends the process and reports done', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    const begun = join(home, 'begun')
    await node.order('spawn', spawnOf('t1', { task: { plan: `echo so far; echo > ${begun}; sleep 1000` } }))
    await until(() => existsSync(begun))
    await node.order('finish', { task: 't1', attempt: 1, nonce: 'nonce-t1' })
    expect(await node.outcome('t1')).toMatchObject({ verb: 'done', body: { result: 'so far' } })
  })

  test('an order about an attempt that the daemon never had is answered with a failure of the means, and its late spawn is not run', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    await node.order('cancel', { task: 'd__t9', attempt: 3, nonce: 'n9' })
    expect((await node.outcome('d__t9')).body).toMatchObject({ attempt: 3, nonce: 'n9', means: true })
    const ran = join(home, 'ran')
    const late = spawnOf('d__t9', { task: { attempt: 3, nonce: 'n9', plan: `echo > ${ran}` } })
    await askUntil(node, late, 2)
    expect(existsSync(ran)).toBe(false)
  })

  test('an attempt that takes longer than its total time is ended as a failure of the means', async () => {
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { totalMs: 200, task: { plan: 'sleep 1000' } }))
    expect((await node.outcome('t1')).body).toMatchObject({
      means: true,
      reason: expect.stringContaining('longer') as string,
    })
  })

  test('a second, forced stop ends at once what ignores TERM or has left its group', async () => {
    const node = openNode()
    const daemon = await startDaemon(node)
    const pids = join(daemon.home, 'pids')
    const plan = `setsid sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 1; done' &\n${longPlan(pids)}`
    await node.order('spawn', spawnOf('t1', { task: { plan } }))
    const running = await read(pids, 3)
    const stopped = daemon.stop()
    await daemon.stop(true)
    await stopped
    expect(running.some(lives)).toBe(false)
    expect((await node.outcome('t1')).body).toMatchObject({ means: true, reason: 'the daemon was stopped' })
  })

  test('stop ends what runs and reports it as a failure of the means', async () => {
    const node = openNode()
    const daemon = await startDaemon(node)
    const begun = join(daemon.home, 'begun')
    await node.order('spawn', spawnOf('t1', { task: { plan: `echo $$ > ${begun}; sleep 1000` } }))
    const [pid] = await read(begun, 1)
    await daemon.stop()
    expect(lives(Number(pid))).toBe(false)
    expect((await node.outcome('t1')).body).toMatchObject({ means: true, reason: 'the daemon was stopped' })
  })
})
