/** The one question that the command ever asks, and never without a terminal. */
import { createInterface } from 'node:readline/promises'
import { WritError } from '../protocol/errors.ts'
import type { World } from './context.ts'

/** Whether the person says yes. Throws BAD_INPUT when there is nobody to ask. */
export const confirmed = async ({ interactive }: World, question: string): Promise<boolean> => {
  if (!interactive) {
    throw new WritError('BAD_INPUT', 'this needs a yes, and there is no terminal to ask on', { hint: 'add --yes' })
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim())
  } finally {
    asking.close()
  }
}
