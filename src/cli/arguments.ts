/** Readers of option values: each names what it got and what would be right, and the command is not run. */
import { InvalidArgumentError } from 'commander'
import { WritError } from '../protocol/errors.ts'
import { readSpan } from './ago.ts'

/** A whole number within limits. */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= min && number <= max) return number
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`)
  }

/** A text of 1 to so many characters. It may be long: what is told is which option, not the text. */
export const text =
  (option: string, charsMax: number) =>
  (value: string): string => {
    if (value !== '' && value.length <= charsMax) return value
    throw new WritError('BAD_INPUT', value === '' ? `${option} is empty` : `${option} has ${value.length} characters`, {
      hint: `it takes 1 to ${charsMax}`,
    })
  }

/** A span of time, as ms. */
export const duration = (text: string): number => {
  try {
    return readSpan(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}; write it as in 90s, 10m or 1h30m.` : '')
  }
}

/** `-H Name:value`, repeated. */
export const headersIn = (
  text: string,
  known: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] => {
  const [, name, value] = /^([!-9;-~]+):\s*([^\r\n]*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Write it as Name:value.')
  return [...known, [name, value]]
}

/** An option that may be given more than once. */
export const repeated = (text: string, known: readonly string[] = []): string[] => [...known, text]
