/** A message as guards look at it: any of its fields may be missing. */
export type Read = { type: string } & Record<string, unknown>

export interface Option {
  key: string
  words: string
  /** What a message of it holds. */
  fields: object
  /** Nothing further is looked at. */
  ends?: true
}

/** A way to tell messages of one type apart. */
export interface Split {
  options: readonly Option[]
  of: (message: Read) => string
}

export const option = (key: string, words: string, fields: object = {}): Option => ({ key, words, fields })
/** As `option`, and nothing further is looked at. */
export const last = (key: string, words: string, fields: object = {}): Option => ({ key, words, fields, ends: true })

/** Whether it is an object with that field. */
export const has = (value: unknown, field: string): boolean =>
  typeof value === 'object' && value !== null && field in value
