/** The answer to a pull as the watch gives it: what becomes of a task whose spawn nobody takes. */
import { beforeEach, expect, it } from 'vitest'
import type { AttemptRow } from '../../src/actors/ports/rows.ts'
import { Watch } from '../../src/actors/watch.ts'
import type { Message } from '../../src/machines/message.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { actorKey, stepId, taskId } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const owner = 'o'
const step = stepId('d', 1, 0)
const pulled: AttemptRow = {
  ...{ owner, task: taskId(step, 1), attempt: 1, actor: actorKey(owner, step), directive: actorKey(owner, 'd') },
  ...{ shard: 0, role: 'worker', number: 1, nonce: 'n', grant: 'g', daemon: 'script', session: 's', inbox: '_INBOX.a' },
  ...{ startCommit: null, line: null, accepted: false, openedAt: 0, deadline: 1e9, closedAt: null, closed: null },
  ...{ reason: '', result: null, commit: null, asked: null, reported: null },
}

const clock = new SimClock()
let told: Message[]
beforeEach(() => {
  told = []
})

/** Opens the attempt; `said` is what comes of the answer to the pull. */
const open = async (attempt: AttemptRow, said: () => Promise<boolean>): Promise<void> => {
  const host = quietHost(clock, new SimStore({ clock }))
  const answered = new Promise<void>((resolve) => {
    host.wire.answerPull = () => said().finally(resolve)
  })
  const watch = new Watch(host, {
    compose: () => Promise.resolve({} as Spawn),
    tell: (_, message) => told.push(message),
    storeAcceptance: () => undefined,
    isHeld: () => true,
  })
  watch.open(attempt)
  await answered
  // What the answer sets off is done before anything that is put off now.
  await new Promise((resolve) => setImmediate(resolve))
}

const taken = (): Promise<boolean> => Promise.resolve(true)
const gone = (): Promise<boolean> => Promise.resolve(false)
const failing = (code: 'TOO_LARGE' | 'UNREACHABLE') => (): Promise<boolean> => Promise.reject(new WritError(code, 'no'))

it('R42: a spawn that nobody waits for any more is rolled back at once', async () => {
  await open(pulled, gone)
  expect(told).toEqual([expect.objectContaining({ type: 'task.lost', attempt: 1, nonce: 'n', why: 'refused' })])
})

it('what a pull has taken goes on, also when it is found after a move, where nobody listens any more', async () => {
  await open(pulled, taken)
  await open({ ...pulled, accepted: true }, gone)
  expect(told).toEqual([])
})

it('a spawn that can never be sent to a pull is a failure of the task, and a lost connection none', async () => {
  await open(pulled, failing('UNREACHABLE'))
  expect(told).toEqual([])
  await open(pulled, failing('TOO_LARGE'))
  expect(told).toEqual([expect.objectContaining({ type: 'task.failed', attempt: 1, nonce: 'n', means: false })])
})

it('a pull that is told to stop meanwhile is left to that', async () => {
  await open({ ...pulled, asked: 'cancel' }, gone)
  expect(told).toEqual([])
})
