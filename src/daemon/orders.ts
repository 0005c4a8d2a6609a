/**
 * What the orders to a daemon do. Every order may come twice, late or before the one that it follows: an attempt is run at
 * most once, and whoever asks about one gets its report.
 */
import { WritError } from '../protocol/errors.ts'
import { addressOf, isToken } from '../protocol/ids.ts'
import type { Order, Spawn } from '../protocol/task.ts'
import type { AttemptRecord, Attempts } from './attempts.ts'
import { attemptKey, failed } from './attempts.ts'
import type { DaemonClock } from './clock.ts'
import { wordsFor } from './failure.ts'
import type { RunningAttempts } from './running.ts'
import type { Orders } from './wire.ts'
import type { OutputOrder, OutputPart } from '../protocol/task.ts'

export interface OrdersOptions {
  owner: string
  slots: number
  /** Of now. */
  session: () => string
  attempts: Attempts
  clock: DaemonClock
  running: RunningAttempts
  draining: () => boolean
  drain: () => void
  /** An attempt that was being accepted has begun, or never will. */
  over: () => void
  /** What an attempt of this daemon wrote. */
  output: (order: OutputOrder) => Promise<OutputPart>
}

/** What comes, and how far those are that are being accepted: they take slots, and run as soon as their records are written. */
export interface OpenOrders {
  orders: Orders
  accepting: () => number
  /** Resolves when none is being accepted any more; while the daemon drains none is added. */
  settled: () => Promise<void>
}

export const openOrders = (options: OrdersOptions): OpenOrders => {
  const { attempts, running } = options
  const alone = oneAtATime()
  const known = async (key: string, { task, attempt }: Order): Promise<AttemptRecord | null> =>
    running.find(key) ?? (await attempts.find(task, attempt))
  const again = (key: string, record: AttemptRecord): void => {
    if (running.find(key) === null && record.outcome !== null) running.repeat(record, record.outcome)
  }
  const accepting = new Set<Promise<void>>()
  const accept = acceptor(options, accepting)
  const end =
    (reason: 'cancel' | 'finish') =>
    async (order: Order): Promise<object> => {
      const key = keyOf(order)
      await alone(key, async () => {
        const record = await known(key, order)
        if (record?.nonce !== order.nonce) return closeUnknown(order, options)
        running.end(key, reason)
        return again(key, record)
      })
      return { accepted: true }
    }
  const orders: Orders = {
    spawn: async (spawn) => {
      const order = { task: spawn.task.id, attempt: spawn.task.attempt, nonce: spawn.task.nonce }
      const key = keyOf(order)
      await alone(key, async () => {
        const record = await known(key, order)
        return record?.nonce === order.nonce ? again(key, record) : accept(order, spawn)
      })
      return { accepted: true }
    },
    cancel: end('cancel'),
    finish: end('finish'),
    drain: () => {
      options.drain()
      return Promise.resolve({ draining: true })
    },
    output: async (order) => {
      keyOf(order)
      return options.output(order)
    },
  }
  const settled = async (): Promise<void> => void (await Promise.allSettled(accepting))
  return { orders, accepting: () => accepting.size, settled }
}

/** An attempt's files carry this name, so it has to be one. */
const keyOf = (order: Pick<Order, 'task' | 'attempt'>): string => {
  if (isToken(order.task)) return attemptKey(order)
  throw new WritError('BAD_INPUT', `${JSON.stringify(order.task.slice(0, 80))} is not a task's id`, {
    hint: 'A-Z a-z 0-9 _ -',
  })
}

/** Orders about one attempt wait for each other. */
const oneAtATime = () => {
  const last = new Map<string, Promise<unknown>>()
  return <T>(key: string, act: () => Promise<T>): Promise<T> => {
    const turn = (last.get(key) ?? Promise.resolve()).then(act, act)
    const settled: Promise<unknown> = turn
      .catch(() => undefined)
      .then(() => {
        if (last.get(key) === settled) last.delete(key)
      })
    last.set(key, settled)
    return turn
  }
}

/** Accepts an attempt that is new here: its record is written before it begins and before the answer. */
const acceptor = (options: OrdersOptions, accepting: Set<Promise<void>>) => {
  const { slots, attempts, running, draining, over } = options
  return async (order: Order, spawn: Spawn): Promise<void> => {
    if (draining())
      throw new WritError('DRAINING', 'this daemon takes no new tasks', { hint: 'give the task to another one' })
    if (running.find(attemptKey(order)) !== null)
      throw new WritError('BUSY', 'the same attempt with another nonce is not over yet')
    if (running.count() + accepting.size >= slots)
      throw new WritError('BUSY', `all ${slots} slots of this daemon are taken`)
    const record = recordFor(order, spawn, options)
    const begun = attempts.note(record).then(() => running.begin(record, spawn))
    accepting.add(begun)
    try {
      await begun
    } catch (cause) {
      // Not BUSY: it would be asked for again at every beat, for as long as the disk is full.
      throw new WritError('INTERNAL', `the attempt cannot be recorded: ${wordsFor(cause)}`, { cause })
    } finally {
      accepting.delete(begun)
      over()
    }
  }
}

const recordFor = (
  { task, attempt, nonce }: Order,
  spawn: Spawn | null,
  { owner, session, clock }: OrdersOptions,
): AttemptRecord => ({
  task,
  attempt,
  nonce,
  session: session(),
  address: spawn?.task.address ?? addressOf(owner, task),
  spawn,
  acceptedAt: clock.now(),
  group: null,
  token: null,
  outcome: null,
  output: null,
  receipt: null,
})

/** So that its holder can close it. Recorded, so that a spawn which comes after its cancel is not run. */
const closeUnknown = async (order: Order, options: OrdersOptions): Promise<void> => {
  const { attempts, running } = options
  const outcome = failed('this daemon does not know the attempt', true)
  const record = { ...recordFor(order, null, options), outcome }
  if (running.find(attemptKey(order)) !== null) return running.repeat(record, outcome)
  await attempts.save(record)
  running.resume(record)
}
