/** What an answer's bytes stand for: the result, or the error that was sent in its place. */
import { z } from 'zod'
import { codes, type ErrorBody, WritError } from '../protocol/errors.ts'
import { decode } from './json.ts'

const errorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    faults: z.array(z.string()).optional(),
  }),
})

const bodyOf = ({ code, message, hint, faults }: z.infer<typeof errorAnswer>['error']): ErrorBody => ({
  code: isCode(code) ? code : 'INTERNAL',
  message,
  ...(hint === undefined ? {} : { hint }),
  ...(faults === undefined ? {} : { faults }),
})

const isCode = (text: string): text is keyof typeof codes => Object.hasOwn(codes, text)

/** The parsed answer. Throws the error that it holds, or INTERNAL when it cannot be read. */
export const answerOf = (subject: string, bytes: Uint8Array): unknown => {
  let answer: unknown
  try {
    answer = decode(bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WritError('INTERNAL', `the answer on ${subject} cannot be read: ${why}`, { cause })
  }
  const fault = errorAnswer.safeParse(answer)
  if (fault.success) throw WritError.from(bodyOf(fault.data.error))
  return answer
}
