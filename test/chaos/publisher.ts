/**
 * Publishes plainly, as people do with `nats pub`. Nobody answers, and the stream acknowledges nothing to who publishes: that it has counted
 * one more is the receipt. So one is published after the other, and nobody else publishes.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { openPlain, type Plain } from '../../src/bus/plain.ts'
import { streamName } from '../../src/bus/stream.ts'

const infoSubject = `$JS.API.STREAM.INFO.${streamName}`
const knownWithinMs = 8_000
const infoWithinMs = 2_000
const lookMs = 50

const streamInfo = z.object({ created: z.string(), state: z.object({ last_seq: z.int() }) })

/** Which stream it is, and how many messages it has ever had. */
interface Count {
  incarnation: string
  last: number
}

export class Publisher {
  readonly #url: string
  #before: Promise<unknown> = Promise.resolve()

  constructor(url: string) {
    this.#url = url
  }

  /** The incarnation of the stream that has it; null when nobody knows. Never rejects. */
  publish(subject: string, body: object): Promise<string | null> {
    return this.#inTurn((plain) => published(plain, subject, body))
  }

  /** That of the stream as it is now; null when nobody knows. Never rejects. */
  incarnation(): Promise<string | null> {
    return this.#inTurn(async (plain) => (await countOf(plain))?.incarnation ?? null)
  }

  /** On a connection of its own: what was not sent in time is not sent with the next one. */
  #inTurn(act: (plain: Plain) => Promise<string | null>): Promise<string | null> {
    const one = this.#before.then(async () => {
      const plain = await openPlain({ url: this.#url, name: 'chaos publishes' }).catch(() => null)
      if (plain === null) return null
      const known = await within(knownWithinMs, act(plain))
      await within(knownWithinMs, plain.close())
      return known
    })
    this.#before = one
    return one
  }
}

const within = <T>(ms: number, work: Promise<T>): Promise<T | null> => {
  const over = new AbortController()
  const late = delay(ms, null, { signal: over.signal }).catch(() => null)
  return Promise.race([work.catch(() => null), late]).finally(() => over.abort())
}

const published = async (plain: Plain, subject: string, body: object): Promise<string | null> => {
  const before = await countOf(plain)
  if (before === null) return null
  await plain.publish(subject, new TextEncoder().encode(JSON.stringify(body)))
  for (;;) {
    const now = await countOf(plain)
    if (now === null || now.incarnation !== before.incarnation) return null
    if (now.last > before.last) return now.incarnation
    await delay(lookMs)
  }
}

const countOf = async (plain: Plain): Promise<Count | null> => {
  const options = { count: 1, timeoutMs: infoWithinMs }
  for await (const { data } of plain.request(infoSubject, new Uint8Array(), options)) {
    const read = streamInfo.safeParse(JSON.parse(new TextDecoder().decode(data)))
    if (read.success) return { incarnation: read.data.created, last: read.data.state.last_seq }
  }
  return null
}
