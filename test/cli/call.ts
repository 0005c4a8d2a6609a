/** One call of the command in this process: what it printed and how it ended, with a node that is played by the test. */
import type { Incoming } from '../../src/actors/ports/bus.ts'
import { WritClient } from '../../src/bus/client.ts'
import { subjects } from '../../src/bus/subjects.ts'
import type { Environment } from '../../src/cli/config.ts'
import { nodeApi } from '../../src/cli/node-api.ts'
import { runCli } from '../../src/cli/program.ts'
import type { Connection, Link } from '../../src/cli/reach.ts'
import { WritError } from '../../src/protocol/errors.ts'

export interface Ended {
  code: number
  out: string
  err: string
}

export interface CallOptions {
  env?: Environment
  node?: FakeNode
  /** As wide as this, and looked at by a person. */
  terminal?: number
  cwd?: string
  /** Is given what goes to standard output, byte by byte as it is. */
  taken?: (data: Buffer) => void
}

export const now = Date.parse('2026-05-01T12:00:00Z')

/** Runs the command; without a node it finds its own way to one. */
export const call = async (args: readonly string[], options: CallOptions = {}): Promise<Ended> => {
  const { env = {}, node, terminal, taken, cwd = process.cwd() } = options
  const written = { out: '', err: '' }
  const stream = (name: 'out' | 'err') => ({
    write: (data: string | Uint8Array) => {
      written[name] += typeof data === 'string' ? data : new TextDecoder().decode(data)
      if (name === 'out') taken?.(Buffer.from(data))
    },
    ...(terminal === undefined ? {} : { isTTY: true, columns: terminal }),
  })
  const code = await runCli(args, {
    // Nobody's own configuration file is for tests.
    env: { NO_COLOR: '1', XDG_CONFIG_HOME: '/nowhere', ...env },
    cwd,
    out: stream('out'),
    err: stream('err'),
    interactive: false,
    now: () => now,
    ...(node === undefined ? {} : { reach: async ({ owner }) => node.link(owner) }),
  })
  return { code, ...written }
}

type Answer = (body: Record<string, unknown>, subject: string) => unknown

/** A node for tests: answers by the end of the subject (`directive.get`), and tells events to whoever listens. */
export class FakeNode {
  readonly asked: { subject: string; body: Record<string, unknown> }[] = []
  readonly #answers: Record<string, Answer>
  readonly #listeners: { matches: RegExp; take: (message: Incoming) => void }[] = []

  constructor(answers: Record<string, Answer>) {
    this.#answers = answers
  }

  link(owner: string): Link {
    const bus: Connection = {
      publish: () => undefined,
      request: async (subject, body) => this.#answer(subject, body as Record<string, unknown>),
      gather: async (subject, body) =>
        (this.#answer(subject, body as Record<string, unknown>) as object[]).map((each) =>
          Buffer.from(JSON.stringify(each)),
        ),
      subscribe: (pattern, _options, take) => this.#listen(pattern, take),
      flush: async () => undefined,
      consume: async () => ({ drain: async () => undefined }),
      close: async () => undefined,
    }
    return { bus, owner, api: nodeApi(new WritClient(bus, owner, { deadlineMs: 100 })), close: async () => undefined }
  }

  publish(subject: string, body: object): void {
    const message = {
      subject,
      body: Buffer.from(JSON.stringify(body)),
      wantsReply: false,
      replyTo: null,
      reply: () => undefined,
    }
    for (const { matches, take } of this.#listeners) if (matches.test(subject)) take(message)
  }

  get listens(): boolean {
    return this.#listeners.length > 0
  }

  #answer(subject: string, body: Record<string, unknown>): unknown {
    this.asked.push({ subject, body })
    const { noun, verb } = subjects.api.read(subject) ?? nounOf(subject)
    const answer = this.#answers[`${noun}.${verb}`]
    if (answer === undefined) throw new WritError('NO_ANSWER', `nobody listens on ${subject}`)
    return answer(body, subject)
  }

  #listen(pattern: string, take: (message: Incoming) => void) {
    const matches = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replaceAll('>', '.+')}$`)
    const listener = { matches, take }
    this.#listeners.push(listener)
    return {
      drain: async () => {
        this.#listeners.splice(this.#listeners.indexOf(listener), 1)
      },
    }
  }
}

/** What all threads are asked at once is `$SRV.STATS`. */
const nounOf = (subject: string): { noun: string; verb: string } => {
  const looked = subjects.actors.read(subject)
  if (looked !== null) return { noun: 'actors', verb: looked.verb }
  if (subject.startsWith('$SRV.')) return { noun: '$SRV', verb: subject.split('.')[1] ?? '' }
  for (const noun of ['directive', 'step', 'contract', 'task', 'actor'] as const) {
    const read = subjects[noun].read(subject)
    if (read !== null) return { noun, verb: read.verb }
  }
  return { noun: '', verb: '' }
}
