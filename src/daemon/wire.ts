/** All that the daemon says and hears, as functions: the only file of this folder that knows subjects. */
import { checkPayload, decode } from '../bus/json.ts'
import { readAddress, subjects } from '../bus/subjects.ts'
import type { OutputLines } from '../protocol/commands.ts'
import { WritError } from '../protocol/errors.ts'
import { requestDeadlineMs } from '../protocol/limits.ts'
import type {
  Beat,
  BeatReply,
  Hello,
  HelloReply,
  Order,
  OutputOrder,
  Receipt,
  ReportVerb,
  Spawn,
} from '../protocol/task.ts'
import { order, outputOrder, spawn } from '../protocol/task.ts'

/** What is used of a bus: each of the engine's buses has it. */
export interface DaemonBus {
  publish: (subject: string, body: object) => void
  request: (subject: string, body: object, deadlineMs: number) => Promise<unknown>
  subscribe: (
    pattern: string,
    options: object,
    take: (message: { subject: string; body: Uint8Array; reply: (body: object) => void }) => void,
  ) => { drain: () => Promise<void> }
}

/** What takes the orders to this session. What it throws or rejects with is the answer. */
export interface Orders {
  spawn: (spawn: Spawn) => Promise<object>
  cancel: (order: Order) => Promise<object>
  finish: (order: Order) => Promise<object>
  drain: () => Promise<object>
  output: (order: OutputOrder) => Promise<object>
}

export interface Wire {
  hello: (body: Hello) => Promise<HelloReply>
  beat: (body: Beat, deadlineMs: number) => Promise<BeatReply>
  bye: (session: string) => Promise<unknown>
  report: (address: string, verb: ReportVerb, body: object) => Promise<Receipt>
  output: (task: string, lines: OutputLines) => void
  contract: (address: string, verb: ContractVerb, body: object) => Promise<unknown>
  directive: (address: string, verb: 'plan' | 'get', body: object) => Promise<unknown>
  /** Listens for the orders to this session until drained. */
  listen: (session: string, orders: Orders) => { drain: () => Promise<void> }
}

export type ContractVerb = 'files' | 'file' | 'put' | 'finish'

/** The wire of one daemon. Requests throw what the answer's error says, or NO_ANSWER. */
export const openWire = (bus: DaemonBus, owner: string, name: string): Wire => {
  const ask = <T>(subject: string, body: object, deadlineMs = requestDeadlineMs): Promise<T> =>
    bus.request(subject, body, deadlineMs) as Promise<T>
  const daemon = (verb: 'hello' | 'beat' | 'bye'): string => subjects.daemon.at({ owner, id: name, verb })
  return {
    hello: (body) => ask(daemon('hello'), body),
    beat: (body, deadlineMs) => ask(daemon('beat'), body, deadlineMs),
    bye: (session) => ask(daemon('bye'), { session }, 2000),
    report: (address, verb, body) =>
      ask(subjects.report.at({ owner, ...readAddress(address), daemon: name, verb }), body),
    output: (task, lines) => bus.publish(subjects.output.at({ owner, task }), lines),
    contract: (address, verb, body) => ask(subjects.contract.at({ owner, ...readAddress(address), verb }), body),
    directive: (address, verb, body) => ask(subjects.directive.at({ owner, ...readAddress(address), verb }), body),
    listen: (session, orders) =>
      bus.subscribe(subjects.daemonSession.pattern({ owner, id: name, session }), {}, (message) => {
        const verb = subjects.daemonSession.read(message.subject)?.verb ?? ''
        void answer(verb, message.body, orders).then(message.reply)
      }),
  }
}

const answer = async (verb: string, body: Uint8Array, orders: Orders): Promise<object> => {
  try {
    return await obey(verb, body, orders)
  } catch (error) {
    return { error: asWritError(error).body }
  }
}

const obey = (verb: string, body: Uint8Array, orders: Orders): Promise<object> => {
  switch (verb) {
    case 'spawn':
      return orders.spawn(checkPayload(spawn, decode(body)))
    case 'cancel':
      return orders.cancel(checkPayload(order, decode(body)))
    case 'finish':
      return orders.finish(checkPayload(order, decode(body)))
    case 'drain':
      return orders.drain()
    case 'output':
      return orders.output(checkPayload(outputOrder, decode(body)))
    default:
      throw new WritError('BAD_INPUT', `there is no order ${JSON.stringify(verb.slice(0, 80))}`, {
        hint: 'spawn, cancel, finish, drain or output',
      })
  }
}

const asWritError = (error: unknown): WritError =>
  error instanceof WritError
    ? error
    : new WritError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
