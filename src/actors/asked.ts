/** What a person waits for. */
import type { Message } from '../machines/message.ts'

/**
 * Taken in the commit that answers the person who asked for it, or not done at all: whoever asked is to hear what the step says to it, and a
 * directive is not to be completed, nor retried, before it hears that a step has left passed by a person's word, or what was dropped.
 */
export const isAsked = (message: Message | null): boolean =>
  message?.type === 'command' ||
  message?.type === 'message.dropped' ||
  (message?.type === 'step.unpassed' && message.sentBack === false)
