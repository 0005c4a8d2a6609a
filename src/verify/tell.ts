/** How the checks say what they find. */
import type { FindingCode } from '../protocol/findings.ts'

/** Takes one finding: its kind, the table, the row's key there, what was found and what would be right. */
export type Tell = (code: FindingCode, table: string, key: string, found: string, right: string) => void

const shownChars = 200

/** A value as JSON, cut where it is too long to be read. */
export const shortly = (value: unknown): string => {
  const text = typeof value === 'string' ? value : value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text
}
