/** Daemons whose tasks are functions: what the function is told, and what is reported of it. */
import { describe, expect, test, vi } from 'vitest'
import type { Daemon } from '../../src/daemon/daemon.ts'
import type { Handler, TaskContext } from '../../src/daemon/handled-attempt.ts'
import { handleTasks, type HandleTasksOptions } from '../../src/daemon/task-handler.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { Node } from './support.ts'
import { after, memoryBus, openNode, quiet, spawnOf, temporaryFolder, until } from './support.ts'

const start = async (
  node: Node,
  handle: Handler,
  options: Partial<HandleTasksOptions> = {},
): Promise<Daemon & { home: string }> => {
  const home = options.home ?? temporaryFolder()
  const shared = { bus: node.bus, owner: 'default', name: 'tester', slots: 4, roles: ['worker'] as const, log: quiet }
  const daemon = await handleTasks({ ...shared, ...options, home, handle })
  after(() => daemon.stop(true))
  await daemon.ready
  return { ...daemon, home }
}
const orderTo = (task: string) => ({ task, attempt: 1, nonce: `nonce-${task}` })

/** A handler that waits for its signal, and then does as told. */
const patient = (then: Handler = () => undefined) => {
  let told: AbortSignal | undefined
  const handle: Handler = async (spawn, context) => {
    const { signal } = context
    told = signal
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    return then(spawn, context)
  }
  return { handle, begun: () => until(() => told) }
}

describe('a function as a daemon', () => {
  test('R43 R45: what was not reported when it stopped is not given up with a bye, and the next one says hello with it', async () => {
    const byes: unknown[] = []
    const bus = memoryBus()
    bus.answer(subjects.daemon.pattern({ owner: 'default', id: 'tester', verb: 'bye' }), (_, body) => byes.push(body))
    const node = openNode(bus)
    node.refuse(...Array.from({ length: 100 }, () => ({ code: 'NO_ANSWER', message: 'away' }) as const))
    const { home, stop } = await start(node, () => ({ result: 'r' }))
    await node.order('spawn', spawnOf('t1'))
    await node.outcome('t1')
    await stop(true)
    expect(byes).toEqual([])
    const next = openNode()
    await start(next, () => undefined, { home })
    expect(next.hellos[0]).toMatchObject({ running: ['t1/1'] })
    expect((await next.outcome('t1')).body).toMatchObject({ result: 'r' })
  })

  test('a handler in JavaScript may say that it gets on by anything, a percentage say', async () => {
    const node = openNode()
    await start(node, (_, { progress, output }) => {
      progress(50 as never)
      output(null as never)
      return { result: 'r' }
    })
    await node.order('spawn', spawnOf('t1'))
    expect(await node.outcome('t1')).toMatchObject({ verb: 'done', body: { result: 'r' } })
    expect(node.reports.find(({ verb }) => verb === 'progress')?.body).toMatchObject({ text: '50' })
  })

  test('is given the spawn, and what it gives back is reported as done', async () => {
    const node = openNode()
    await start(node, ({ task }) => ({ result: `did ${task.plan}`, commit: 'a'.repeat(40) }))
    expect(await node.order('spawn', spawnOf('t1', { task: { plan: 'it' } }))).toEqual({ accepted: true })
    const { verb, body } = await node.outcome('t1')
    expect([verb, body]).toEqual([
      'done',
      {
        attempt: 1,
        nonce: 'nonce-t1',
        session: node.hellos[0]?.['session'],
        result: 'did it',
        commit: 'a'.repeat(40),
      },
    ])
  })

  test('an evaluator gives a verdict; what is undefined in it is left out', async () => {
    const node = openNode()
    await start(node, () => ({ verdict: { passed: true, overallScore: 1, summaryFeedback: undefined } }), {
      roles: ['evaluator'],
    })
    expect(node.hellos[0]).toMatchObject({ roles: ['evaluator'], slots: 4, executors: [] })
    await node.order('spawn', spawnOf('t1'))
    expect((await node.outcome('t1')).body['verdict']).toEqual({ passed: true, overallScore: 1 })
  })

  test('what it gives back as failed is a failure of the work, what it throws one of the means', async () => {
    const node = openNode()
    const throws: Record<string, unknown> = {
      t2: new Error('the printer is on fire'),
      t3: new WritError('BAD_INPUT', 'no such paper', { hint: 'A4' }),
    }
    await start(node, ({ task }) => {
      if (task.id === 't1') return { failed: 'it cannot be done' }
      throw throws[task.id]
    })
    for (const task of ['t1', 't2', 't3']) await node.order('spawn', spawnOf(task))
    expect((await node.outcome('t1')).body).toMatchObject({ reason: 'it cannot be done', means: false })
    expect((await node.outcome('t2')).body).toMatchObject({ reason: 'the printer is on fire', means: true })
    expect((await node.outcome('t3')).body).toMatchObject({ reason: 'no such paper (A4)', means: false })
  })

  test('what it gives back and cannot be reported is a failure that says why', async () => {
    const node = openNode()
    const round: Record<string, unknown> = { passed: true }
    round['criteriaResults'] = round
    const given: Record<string, object> = {
      t1: { commit: 'main' },
      t2: { result: 'x'.repeat(300_000) },
      t3: { verdict: round },
    }
    await start(node, ({ task }) => given[task.id])
    for (const task of ['t1', 't2', 't3']) await node.order('spawn', spawnOf(task))
    const reasons = await Promise.all(['t1', 't2', 't3'].map(async (task) => (await node.outcome(task)).body))
    expect(reasons.map(({ means }) => means)).toEqual([false, false, false])
    expect(reasons.map(({ reason }) => String(reason))).toEqual([
      expect.stringContaining('commit: a full commit id'),
      expect.stringContaining('result: '),
      expect.stringContaining('circular'),
    ])
  })

  test('what it gives back and is no plain object of the known keys is a failure that names it, never done', async () => {
    const node = openNode()
    class Odd {
      result = 'of a class'
    }
    const given: Record<string, [unknown, string]> = {
      text: ['plain text', "'plain text' is no plain object"],
      nothing: [null, 'null is no plain object'],
      flag: [false, 'false is no plain object'],
      list: [[{ result: 'x' }], 'is no plain object'],
      error: [new Error('it went wrong'), 'it went wrong'],
      odd: [new Odd(), 'is no plain object'],
      stranger: [{ error: 'it went wrong' }, 'error: nothing is known by this name'],
      beside: [{ result: 'fine', commmit: 'a'.repeat(40) }, 'commmit: nothing is known by this name'],
      both: [{ failed: 'no', status: 500 }, 'status: nothing is known by this name'],
      means: [{ means: true }, 'means: it goes with failed'],
      yes: [{ failed: 'no', means: 'yes' }, 'means: it is true or false'],
    }
    const names = Object.keys(given)
    await start(node, ({ task }) => given[task.id]?.[0] as object, { slots: names.length })
    for (const name of names) await node.order('spawn', spawnOf(name))
    for (const [name, [, why]] of Object.entries(given))
      expect(await node.outcome(name)).toMatchObject({
        verb: 'failed',
        body: { means: false, reason: expect.stringContaining(why) as string },
      })
  })

  test('nothing, keys without a value, and an object without a prototype are done', async () => {
    const node = openNode()
    const given: Record<string, object | undefined> = {
      t1: undefined,
      t2: { result: undefined, failed: undefined, means: undefined, note: undefined },
      t3: Object.assign(Object.create(null) as object, { result: 'bare' }),
    }
    await start(node, ({ task }) => given[task.id])
    for (const task of Object.keys(given)) await node.order('spawn', spawnOf(task))
    const outcomes = await Promise.all(Object.keys(given).map((task) => node.outcome(task)))
    expect(outcomes.map(({ verb, body }) => [verb, body['result']])).toEqual([
      ['done', undefined],
      ['done', undefined],
      ['done', 'bare'],
    ])
  })

  test('progress and output go out while it works, and the output can be read afterwards', async () => {
    const node = openNode()
    await start(node, (_spawn, { progress, output }) => {
      progress('half of it')
      output('one\ntwo')
    })
    await node.order('spawn', spawnOf('t1'))
    await node.outcome('t1')
    expect(node.reports[0]).toMatchObject({ verb: 'progress', task: 't1', body: { text: 'half of it' } })
    expect(node.bus.published).toMatchObject([{ body: { attempt: 1, stream: 'stdout', text: 'one\ntwo' } }])
    expect(await node.order('output', { task: 't1', attempt: 1, offset: 0 })).toMatchObject({
      text: 'one\ntwo\n',
      ended: true,
    })
  })

  test('a cancel, however often it comes, aborts its signal and is reported once', async () => {
    const node = openNode()
    const { handle, begun } = patient(() => ({ result: 'too late' }))
    await start(node, handle)
    await node.order('spawn', spawnOf('t1'))
    await begun()
    await Promise.all([node.order('cancel', orderTo('t1')), node.order('cancel', orderTo('t1'))])
    expect(await node.outcome('t1')).toMatchObject({ verb: 'failed', body: { reason: 'cancelled', means: false } })
    expect(node.reports.filter(({ verb }) => verb !== 'progress')).toHaveLength(1)
  })

  test('an attempt that is over, as the receipt of its progress says, is ended like a cancelled one', async () => {
    const bus = memoryBus()
    const progress = subjects.report.pattern({ owner: 'default', daemon: 'tester', verb: 'progress' })
    bus.answer(progress, () => ({ received: true, counted: false }))
    const node = openNode(bus)
    const { handle } = patient()
    await start(node, (spawn, context) => {
      context.progress()
      return handle(spawn, context)
    })
    await node.order('spawn', spawnOf('t1'))
    expect(await node.outcome('t1')).toMatchObject({ verb: 'failed', body: { reason: 'cancelled', means: false } })
  })

  test('finish aborts its signal too, and what it gives back counts; when it throws it is done all the same', async () => {
    const node = openNode()
    const one = patient(({ task }) => {
      if (task.id === 't2') throw new Error('aborted')
      return { result: 'as far as I came' }
    })
    await start(node, one.handle)
    for (const task of ['t1', 't2']) {
      await node.order('spawn', spawnOf(task))
      await one.begun()
      await node.order('finish', orderTo(task))
    }
    expect(await node.outcome('t1')).toMatchObject({ verb: 'done', body: { result: 'as far as I came' } })
    expect((await node.outcome('t2')).verb).toBe('done')
  })

  test('one that does not heed its signal is not waited for for ever, and frees its slot', async () => {
    const node = openNode()
    const contexts: TaskContext[] = []
    await start(
      node,
      (_spawn, context) => {
        contexts.push(context)
        return contexts.length === 1 ? new Promise(() => undefined) : { result: 'free again' }
      },
      { slots: 1 },
    )
    await node.order('spawn', spawnOf('t1'))
    await until(() => contexts.length === 1)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    after(() => Promise.resolve(vi.useRealTimers()))
    await node.order('cancel', orderTo('t1'))
    expect(contexts[0]?.signal.aborted).toBe(true)
    await expect(node.order('spawn', spawnOf('t2'))).rejects.toMatchObject({ code: 'BUSY' })
    await vi.advanceTimersByTimeAsync(10_000)
    vi.useRealTimers()
    expect((await node.outcome('t1')).body).toMatchObject({ reason: 'cancelled' })
    await until(() => node.beats.some((beat) => JSON.stringify(beat['running']) === '[]'))
    await node.order('spawn', spawnOf('t2'))
    expect((await node.outcome('t2')).body).toMatchObject({ result: 'free again' })
  })

  test('a report is sent until its receipt, also by the daemon that is started after this one', async () => {
    const node = openNode()
    node.refuse(...Array.from({ length: 50 }, () => ({ code: 'NO_ANSWER', message: 'away' }) as const))
    const first = await start(node, () => ({ result: 'kept' }))
    await node.order('spawn', spawnOf('t1'))
    await node.outcome('t1')
    await first.stop(true)
    const before = node.reports.length
    await start(node, () => ({ result: 'done twice' }), { home: first.home })
    await until(() => node.reports.length > before)
    expect(node.reports.map(({ body }) => body['result'])).toEqual(node.reports.map(() => 'kept'))
    expect(node.hellos.at(-1)?.['session']).toBe(node.hellos[0]?.['session'])
  })

  test('drained resolves when what runs has ended; a stop ends it as a failure of the means', async () => {
    const node = openNode()
    const one = patient()
    const daemon = await start(node, one.handle)
    await node.order('spawn', spawnOf('t1'))
    await one.begun()
    await node.order('drain', {})
    await expect(node.order('spawn', spawnOf('t2'))).rejects.toMatchObject({ code: 'DRAINING' })
    await daemon.stop()
    await daemon.drained
    expect((await node.outcome('t1')).body).toMatchObject({ reason: 'the daemon was stopped', means: true })
  })

  test('what is just being accepted when the daemon stops is ended and reported before the stop is over', async () => {
    for (let turns = 0; turns < 36; turns++) {
      const node = openNode()
      let isOver = false
      const late: string[] = []
      const daemon = await start(node, async ({ task }, { signal }) => {
        if (isOver) late.push(task.id)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      })
      const accepted = node.order('spawn', spawnOf('t1')).then(
        () => true,
        () => false,
      )
      // So far the acceptance has come: from not heard of to begun.
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await daemon.stop()
      isOver = true
      const reported = (await accepted) ? [expect.objectContaining({ task: 't1', verb: 'failed' })] : []
      expect([turns, node.reports, late]).toEqual([turns, reported, []])
    }
  })
})
