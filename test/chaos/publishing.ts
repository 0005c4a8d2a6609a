/** Steps that no daemon can do: each is ended by a plain publish, again when a wiped NATS has taken that along. */
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { WritClient } from '../../src/bus/client.ts'
import { isPassing } from '../../src/bus/retry.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { WritError } from '../../src/protocol/errors.ts'
import { shardOf, stepId, taskId } from '../../src/protocol/ids.ts'
import { systemRandom } from '../../src/system.ts'
import type { Publisher } from './publisher.ts'
import type { Shape } from './shapes.ts'

/** A plain publish. */
export interface Sent {
  /** The step, and the word that is its result. */
  actor: string
  word: string
  /** Of the stream that has it, which is its receipt; null when nobody knows. */
  incarnation: string | null
  /** It was gone with its stream before it was taken. */
  wiped: boolean
}

export interface PublishingOptions {
  client: WritClient
  publisher: Publisher
  /** Each is noted here. */
  file: string
  signal: AbortSignal
  wrong: (what: string) => void
}

const [lookMs, streamLookMs] = [250, 1_000]
/** What nobody has acknowledged is handed over again after half a minute, some times while there are faults. */
const takenWithinMs = 120_000
const unknownMs = 5_000

export class Publishing {
  readonly all: Sent[] = []
  readonly #options: PublishingOptions

  constructor(options: PublishingOptions) {
    this.#options = options
  }

  /** Ends all steps of a chain, one after the other. */
  async endAll({ id, transfers }: Shape): Promise<void> {
    for (let index = 0; index < transfers.size; index++) await this.#end(stepId(id, 1, index))
  }

  async #end(actor: string): Promise<void> {
    while ((await this.#status(actor)) !== 'running') await this.#pause(lookMs)
    while (!(await this.#isOver(actor))) {
      const sent = await this.#publish(actor)
      if (await this.#isTaken(sent)) return
      if (sent.incarnation === null || sent.wiped) continue
      this.#options.wrong(`${actor}: a publish that the stream has is not taken in ${takenWithinMs / 1000} s`)
      return this.#endOtherwise(actor)
    }
  }

  async #publish(actor: string): Promise<Sent> {
    const { publisher, client, file } = this.#options
    const [id, word] = [taskId(actor, 1), systemRandom.token(20)]
    const subject = subjects.task.at({ owner: client.owner, shard: shardOf(client.owner, id), id, verb: 'done' })
    const sent = { actor, word, incarnation: await publisher.publish(subject, { result: word }), wiped: false }
    this.all.push(sent)
    appendFileSync(file, `${JSON.stringify(sent)}\n`)
    return sent
  }

  /** Waits until the step is over; not when nobody knows whether the stream has the publish, nor once that stream is gone. */
  async #isTaken(sent: Sent): Promise<boolean> {
    const until = performance.now() + (sent.incarnation === null ? unknownMs : takenWithinMs)
    while (performance.now() < until && !sent.wiped) {
      // Asked first: what was taken before its stream was gone is seen afterwards.
      const now = sent.incarnation === null ? null : await this.#options.publisher.incarnation()
      if (await this.#isOver(sent.actor)) return true
      sent.wiped = now !== null && now !== sent.incarnation
      await this.#pause(streamLookMs)
    }
    return false
  }

  async #endOtherwise(actor: string): Promise<void> {
    const command = systemRandom.token(20)
    await this.#asked(() => this.#options.client.task(taskId(actor, 1)).end({ command, outcome: 'done', force: true }))
  }

  async #isOver(actor: string): Promise<boolean> {
    return (await this.#status(actor)) === 'passed'
  }

  /** Null: it is not there yet. */
  #status(actor: string): Promise<string | null> {
    return this.#asked(() =>
      this.#options.client
        .step(actor)
        .get()
        .then(
          ({ status }) => status,
          (error: unknown) => {
            if (error instanceof WritError && error.code === 'NOT_FOUND') return null
            throw error
          },
        ),
    )
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        this.#options.signal.throwIfAborted()
        if (!isPassing(error)) throw error
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#options.signal })
  }
}
