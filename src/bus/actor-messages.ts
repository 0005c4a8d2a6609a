/** What one actor is asked by whoever looks into it, and answered with. */
import * as looking from '../protocol/looking.ts'
import { lookCommands } from '../protocol/looking.ts'
import { request } from './subject.ts'

export const actorMessages = {
  get: request(lookCommands.get, 'Its snapshot, as it is or as it was.', looking.actorAnswer),
  journal: request(lookCommands.journal, 'What it took, and what that changed.', looking.journalAnswer),
  diff: request(lookCommands.diff, 'What differs between two of its versions.', looking.diffAnswer),
  next: request(
    lookCommands.next,
    'Which messages it would take now, and what holds the others back.',
    looking.nextAnswer,
  ),
  try: request(lookCommands.try, 'What a message would do to it now; it is not told it.', looking.trialAnswer),
  past: request(lookCommands.past, 'A directive with its steps as they were then.', looking.pastAnswer),
}
