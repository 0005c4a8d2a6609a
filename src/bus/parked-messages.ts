/** What is asked about what is parked, under `api.parked`: looked at by anybody of the owner, tried again or dropped by a person. */
import * as answers from '../protocol/answers.ts'
import { parkedCommands, parkedQuery, unparkInner } from '../protocol/parked.ts'
import { request } from './subject.ts'

export const parkedMessages = {
  list: request(
    parkedQuery,
    'Lists messages and actors that are parked: who, which message, from whom, since when, how often tried, why. Longest first.',
    answers.parkedAnswer,
  ),
  show: request(parkedCommands.show, 'Shows one of them, with the message that it is about.', answers.parkedViewAnswer),
  retry: request(
    parkedCommands.retry,
    'Tries it again: a message goes back to its place in the mailbox, an actor takes what waits for it.',
    answers.unparkedAnswer,
  ),
  drop: request(
    parkedCommands.drop,
    'Drops a message for good, which the history of its directive then tells. Refused where somebody would wait for it for ever.',
    answers.unparkedAnswer,
  ),
}

/** The same as the subject has them. */
export const parkedOfApi = {
  'parked.list': parkedMessages.list,
  'parked.show': parkedMessages.show,
  'parked.retry': parkedMessages.retry,
  'parked.drop': parkedMessages.drop,
}

export const unpark = request(
  unparkInner,
  'From the node that took `api.parked.retry` or `api.parked.drop` to the holder.',
  answers.unparkedAnswer,
)
