/** What is asked about many actors at once, under `actors`. */
import {
  actorsAnswer,
  actorsQuery,
  historyAnswer,
  historyQuery,
  inspectAnswer,
  inspectCommand,
} from '../protocol/inspection.ts'
import { request } from './subject.ts'

export const actorsMessages = {
  list: request(actorsQuery, 'The states that actors are in.', actorsAnswer),
  inspect: request(
    inspectCommand,
    'Lets all nodes show what these actors take, on `inspect.…`, until the time is over; sent again, it is renewed.',
    inspectAnswer,
  ),
  history: request(historyQuery, 'What actors took, with their state after each, from their journals.', historyAnswer),
}
