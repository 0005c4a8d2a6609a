/** What is said of a setting beside its schema, and how what was written behind flags and in variables is read. */
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'

export interface About {
  /** As commander declares it. */
  flag: string
  /** Null: by flag and file alone. */
  variable: string | null
  unit?: string
  /** What holds when nobody says anything, in words. */
  otherwise: string
  text: string
  /** May be given more than once: a list, or pairs. */
  repeats?: true
  /** Turns what was written behind the flag or in the variable into what a file would hold. */
  read: (texts: readonly string[]) => unknown
  /** A path: in a file it starts from the file's folder. */
  path?: true
  /** The value as it may be shown, when not all of it may. */
  shown?: (value: unknown) => unknown
}

export const about = z.registry<About>()

export const last = (texts: readonly string[]): unknown => texts.at(-1)
export const number = (texts: readonly string[]): unknown =>
  /^\d+$/.test(texts.at(-1) ?? '') ? Number(texts.at(-1)) : NaN
export const list = (texts: readonly string[]): unknown => texts
/** Null is no text: a pair that is none is refused by the schema. */
export const pairs = (texts: readonly string[]): unknown =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      return at < 1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]
    }),
  )

/** A text that `check`, which throws a WritError, finds right. */
export const checked = (check: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      check(text)
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      context.addIssue({ code: 'custom', message: `${error.message}${error.hint ? ` (${error.hint})` : ''}` })
    }
  })

export const whole = (min: number, max: number) => {
  const error = `is a whole number from ${min} to ${max}`
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}
