/** What lies in a mailbox is taken by whom it is for: a registry's tables, a directive's desk, a step's dependents, or a machine. */
import { unpack } from './codec.ts'
import { completeContract, endTask } from './commands.ts'
import { deskTypes, takeFromRegistry } from './desk-mail.ts'
import type { FromRegistry } from './granting.ts'
import type { Message } from '../machines/message.ts'
import { WritError } from '../protocol/errors.ts'
import { type ActorKey, actorKey, directiveOf, kindOf, readKey } from '../protocol/ids.ts'
import type { StoredMessage } from './ports/rows.ts'
import { takeFromDirective } from './registrar.ts'
import type { ToRegistry } from './settle.ts'
import { type Relay, takeRelay } from './telling.ts'
import type { Turn } from './turn.ts'

/** A plain publish that the stream brought, as it lies in the mailbox. */
export interface PublishedMail {
  type: 'published'
  noun: 'task' | 'contract'
  verb: string
  id: string
  body: object
}

/** A row goes to a registry's tables, to a directive's desk, on to a step's dependents, or to a machine. */
export const takeMail = async (turn: Turn, { to, from, body }: StoredMessage): Promise<void> => {
  const message = unpack(body) as { type: string } | null | undefined
  if (typeof message?.type !== 'string') throw new Error('it is no message')
  if (message.type === 'published') return takePublished(turn, to, message as PublishedMail)
  const { owner, id } = readKey(to)
  if (kindOf(id) === 'registry') return takeFromDirective(turn, message as ToRegistry)
  if (message.type === 'desk.look' && 'alone' in message) turn.gives = 'one'
  if (deskTypes.has(message.type))
    return takeFromRegistry(turn, actorKey(owner, directiveOf(id)), message as FromRegistry)
  if (message.type === 'relay') return takeRelay(turn, to, message as Relay)
  turn.tell(to, message as Message, from)
}

/** Nobody waits for an answer: a publish on what is not there, or is over, is only logged. Both are found out before anything is told. */
const takePublished = async (turn: Turn, to: ActorKey, { noun, verb, id, body }: PublishedMail): Promise<void> => {
  const { owner } = readKey(to)
  try {
    if (noun === 'contract') await completeContract(turn, owner, id)
    else if (verb === 'done' || verb === 'failed')
      await endTask(turn, owner, id, { ...body, outcome: verb, force: false })
  } catch (error) {
    if (!(error instanceof WritError) || !['NOT_FOUND', 'GONE', 'REFUSED'].includes(error.code)) throw error
    turn.host.log.info({ err: error, noun, verb, id }, 'a plain publish was not taken')
  }
}
