/**
 * What may be sent on and listened to, whoever wrote it. The declared subjects (subjects.ts) are narrower; inboxes and
 * the service protocol are not declared there, and an inbox comes from outside.
 */
import { WritError } from '../protocol/errors.ts'

const subjectCharsMax = 1000
const token = /^[^\s.*>\p{Cc}]+$/u
/** Such tokens, with dots between them. */
const plain = /^[^\s.*>\p{Cc}]+(?:\.[^\s.*>\p{Cc}]+)*$/u

const isPlain = (text: string): boolean => text.length <= subjectCharsMax && plain.test(text)

const tokensOf = (text: string): string[] => (text.length > subjectCharsMax ? [''] : text.split('.'))

const refuse = (what: string, text: string, hint: string): WritError =>
  new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 120))} is not a ${what}`, { hint })

/** Throws BAD_INPUT unless one message can be sent on it: no wildcards, nothing of the server's own (`$…`). */
export const checkSubject = (text: string): void => {
  checkPlainSubject(text)
  if (text.startsWith('$')) throw refuse('subject', text, 'what begins with $ is for the server')
}

/** As `checkSubject`, for people who may well talk to the server itself. */
export const checkPlainSubject = (text: string): void => {
  if (isPlain(text)) return
  throw refuse('subject', text, 'tokens with dots between them, without spaces and wildcards')
}

/** Throws BAD_INPUT unless it can be listened to: `*` stands for one token, `>` at the end for all that follow. */
export const checkPattern = (text: string): void => {
  const tokens = tokensOf(text)
  const fits = (one: string, index: number): boolean =>
    one === '*' || (one === '>' && index === tokens.length - 1) || token.test(one)
  if (!tokens.every(fits)) throw refuse('pattern', text, 'tokens with dots between them; * for one token, > at the end')
}

/** Throws BAD_INPUT unless it can name a queue group. */
export const checkQueue = (text: string): void => {
  if (!token.test(text)) throw refuse('queue', text, 'one token')
}

/**
 * Whether an answer may be sent there. The sender names the subject and the server does not check that he may publish on
 * it: without this rule an answer could be aimed at another owner's subjects or at the server's own interface.
 */
export const isInbox = (text: string): boolean => text.startsWith('_') && isPlain(text)
