/** What the stream brings of plain publishes: checked, taken into its actor's mailbox, and acknowledged; here the bus meets the actors. */
import { pack } from './actors/codec.ts'
import type { Host } from './actors/host.ts'
import type { Published } from './actors/ports/bus.ts'
import { type StreamedMail, takeIn } from './actors/published.ts'
import { checkPayload, decode } from './bus/json.ts'
import type { Message } from './bus/subject.ts'
import { subjects } from './bus/subjects.ts'
import { WritError } from './protocol/errors.ts'
import { kindOf, readTaskId } from './protocol/ids.ts'

type Log = (line: string) => void

/** Acknowledged once its row is committed; what can never be taken is acknowledged as well, with a line in the log. Never rejects. */
export const takePublished = async (host: Host, message: Published, log: Log): Promise<void> => {
  const mail = mailOf(message, log)
  try {
    if (mail !== null) await takeIn(host, mail)
    message.ack()
  } catch (error) {
    // A full mailbox may stay full. What waits for it would in the end keep the server from handing out anything to anybody.
    const isFull = error instanceof WritError && error.code === 'TOO_LARGE'
    if (isFull) message.ack()
    log(`a publish on ${message.subject} ${isFull ? 'is not taken' : 'waits'}: ${wordsOf(error)}`)
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const mailOf = ({ subject, body, incarnation, sequence, at }: Published, log: Log): StreamedMail | null => {
  for (const noun of ['task', 'contract'] as const) {
    const tokens = subjects[noun].read(subject)
    const read = tokens === null ? null : readTaskId(tokens.id)
    if (tokens === null || read === null || kindOf(read.actor) === 'registry') continue
    try {
      const { owner, id, verb } = tokens
      const checked = checkPayload(payloadOf(noun, verb), decode(body))
      const mail = pack({ type: 'published', noun, verb, id, body: checked })
      return { owner, incarnation, sequence, at, actor: read.actor, body: mail }
    } catch (error) {
      log(`a publish on ${subject} is no message: ${wordsOf(error)}`)
    }
  }
  return null
}

/** Of what the stream keeps: it keeps nothing else, but anybody may have made it otherwise. */
const payloadOf = (noun: 'task' | 'contract', verb: string): Message['payload'] => {
  const messages: Record<string, Message> = subjects[noun].messages
  const declared = Object.hasOwn(messages, verb) ? messages[verb] : undefined
  if (declared?.kind === 'streamed') return declared.payload
  throw new WritError('BAD_INPUT', `there is no ${noun} ${verb} to publish`)
}
