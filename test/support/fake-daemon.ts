/** A daemon in a few lines over the wire, whose tasks are functions: for tests of the engine, not of our daemon. */
import type { Bus } from '../../src/actors/ports/bus.ts'
import { decode } from '../../src/bus/json.ts'
import { subjects } from '../../src/bus/subjects.ts'
import type { Role } from '../../src/protocol/directive.ts'
import { readAddress } from '../../src/bus/subjects.ts'
import type { Receipt, Spawn } from '../../src/protocol/task.ts'

import { vi } from 'vitest'

/** What a task's function says: what `done` carries, or `failed`. Null: it says nothing. */
export type Outcome = { done: object } | { failed: { reason: string; means?: boolean } } | null

export interface FakeDaemon {
  session: string
  spawns: Spawn[]
  report: (spawn: Spawn, verb: 'done' | 'failed' | 'progress' | 'accepted', body: object) => Promise<Receipt>
  stop: () => Promise<void>
}

export interface FakeDaemonOptions {
  slots?: number
  roles?: Role[]
  labels?: Record<string, string>
  executors?: string[]
  work?: (spawn: Spawn) => Outcome | Promise<Outcome>
  onCancel?: (task: string) => void
}

const passes: (spawn: Spawn) => Outcome = ({ task: { role }, merge }) => {
  if (role === 'evaluator') return { done: { verdict: { passed: true, overallScore: 1 } } }
  const line = 'a'.repeat(40)
  if (merge?.kind === 'prepare') return { done: { merge: { kind: 'prepared', line } } }
  return { done: { result: 'ok' } }
}

export const startFakeDaemon = async (
  bus: Bus,
  owner: string,
  name: string,
  options: FakeDaemonOptions = {},
): Promise<FakeDaemon> => {
  const {
    slots = 1,
    roles = ['planner', 'worker', 'evaluator', 'merger'],
    labels = {},
    executors = ['shell', 'command', 'checks'],
    work = passes,
  } = options
  const session = `s-${name}`
  const spawns: Spawn[] = []
  const running = new Map<string, Spawn>()
  const report: FakeDaemon['report'] = async (spawn, verb, body) => {
    const { attempt, nonce, address } = spawn.task
    const subject = subjects.report.at({ owner, ...readAddress(address), daemon: name, verb })
    for (;;) {
      try {
        return (await bus.request(subject, { attempt, nonce, session, ...body }, 5000)) as Receipt
      } catch (error) {
        if (!(error instanceof Error) || !/no.?body|answer|hold/i.test(error.message)) throw error
      }
    }
  }
  const run = async (spawn: Spawn): Promise<void> => {
    const outcome = await work(spawn)
    running.delete(`${spawn.task.id}/${spawn.task.attempt}`)
    if (outcome === null) return
    if ('done' in outcome) await report(spawn, 'done', outcome.done)
    else await report(spawn, 'failed', outcome.failed)
  }
  const listening = bus.subscribe(subjects.daemonSession.pattern({ owner, id: name, session }), {}, (message) => {
    const verb = subjects.daemonSession.read(message.subject)?.verb
    message.reply({ accepted: true })
    if (verb === 'cancel') options.onCancel?.((decode(message.body) as { task: string }).task)
    if (verb !== 'spawn') return
    const spawn = decode(message.body) as Spawn
    const key = `${spawn.task.id}/${spawn.task.attempt}`
    if (spawns.some((each) => `${each.task.id}/${each.task.attempt}` === key)) return
    spawns.push(spawn)
    running.set(key, spawn)
    void run(spawn)
  })
  const hello = { session, slots, roles, labels, executors, running: [] }
  await vi.waitFor(() => bus.request(subjects.daemon.at({ owner, id: name, verb: 'hello' }), hello, 5000), {
    timeout: 20_000,
    interval: 20,
  })
  const beating = setInterval(() => {
    bus
      .request(subjects.daemon.at({ owner, id: name, verb: 'beat' }), { session, running: [...running.keys()] }, 5000)
      .catch(() => undefined)
  }, 1000)
  return {
    session,
    spawns,
    report,
    stop: async () => {
      clearInterval(beating)
      await listening.drain()
    },
  }
}
