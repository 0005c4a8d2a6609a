/**
 * What `writ verify` may find wrong with what is stored. A code is stable, as those of errors are: people and programs may act
 * on it; the sentences beside it may be improved at any time.
 */

/** What each code means. docs/verify.md has the same table. */
export const findingCodes = {
  'journal-gap': 'versions of an actor are missing from its journal, or it has some that the actor never had',
  'journal-unreadable': 'the journal of an actor cannot be read, or its machine cannot take what stands in it',
  'journal-order': "the entries of an actor's journal do not stand in the order in which they happened",
  'journal-differs': 'the snapshot of an actor is not what its journal makes of it',
  'snapshot-unreadable': 'the snapshot of an actor cannot be opened by the machine that it names',
  'machine-unknown': 'an actor runs on a machine that neither this version nor any live node knows',
  'columns-differ': 'what lists and searches read of an actor is not what its snapshot says',
  'rows-unreadable':
    'what is stored of a directive has a form that Writ never wrote; some checks of it could not be made',
  'wrong-place': 'a row has the shard, the owner or the id of something else',
  'actor-missing': 'a row is of an actor or a directive that is not there',
  'timer-missing': 'an actor waits for a timer that is not there',
  'timer-stray': 'there is a timer that its actor does not wait for',
  'timer-differs': 'a timer was set by another version of its actor, or is due at another time, than its journal says',
  'message-stray': 'a message is for nobody: its receiver is not there, or is of another owner',
  'message-unreadable': 'a message cannot be read',
  'task-missing': 'an actor has a task of which there is no record',
  'task-differs': "the record of a task does not say what its actor's machine says of it",
  'attempt-missing': 'an actor has, or had, an attempt of which there is no record',
  'attempt-stray': 'there is an attempt that its actor knows nothing of',
  'attempt-differs': "the record of an attempt does not say what its actor's machine says of it",
  'attempt-doubled': 'a task, or a grant, has more than one open attempt',
  'attempt-without-deadline': 'an open attempt has no deadline',
  'evaluation-missing':
    'evaluation records are missing, or are more than were made, or are of a task that is not there',
  'event-gap': "a directive's events are not numbered from 1 without a gap",
  'events-differ': "a directive's events are not those that its journals tell",
  'chain-differs': 'the chain of a directive is not the one that it works on',
  'plan-incomplete': 'steps of a plan are missing, or are not what the plan says',
  'ready-missing': 'a task waits for a slot, and is not among those that wait',
  'ready-stray': 'there is a row of a waiting task that does not wait',
  'grant-stray': 'a grant is held by nobody, by a directive that does not know it, or without its daemon',
  'held-stray': 'a directive holds a grant that there is not, or uses it for nothing',
  'slots-exceeded': 'more grants were made on a daemon than it has slots',
  'need-missing': 'a task waits for a slot of which the registry does not know',
  'counts-differ': 'a directive has counted other steps as passed than have',
  'waits-for-nothing': 'an actor that has not ended waits for something that cannot come',
  'file-without-content': 'the content of a file is not there',
  'content-differs': 'the content of a file is not what its hash or its size says',
  'reply-unreadable': 'the reply that is kept for a command cannot be read',
} as const satisfies Record<string, string>

export type FindingCode = keyof typeof findingCodes

/** One thing that is wrong: in which table, of what, and what would be right there. */
export interface Finding {
  code: FindingCode
  table: string
  key: string
  found: string
  right: string
}
