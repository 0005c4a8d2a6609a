/** What the stream brings of plain publishes: each becomes a row of its actor's mailbox, once. */
import { actorKey, shardOf } from '../protocol/ids.ts'
import type { Host } from './host.ts'

/** A plain publish, with its place in the stream. `actor`: whose mailbox it goes to. */
export interface StreamedMail {
  owner: string
  incarnation: string
  sequence: number
  /** When the stream took it: another message may have come under the same number of a stream that lost its tail. */
  at: string
  body: Uint8Array
  actor: string
}

/** It is durable once its row is. Throws TOO_LARGE when the mailbox is full. */
export const takeIn = async ({ store, wire }: Host, mail: StreamedMail): Promise<void> => {
  const { owner, actor, sequence, body } = mail
  const incarnation = `${mail.incarnation} ${mail.at}`
  const to = actorKey(owner, actor)
  const isNew = await store.enqueue({ incarnation, sequence, to, shard: shardOf(owner, actor), body })
  if (isNew) wire.mail(to, { from: 'stream', message: sequence })
}
