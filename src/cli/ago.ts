/** Spans of time as people say them, and as they write them on a command line. */
import { WritError } from '../protocol/errors.ts'

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** `3 s`, `2 min 5 s`, `1 h 20 min`, `4 d`: at most two units, of which the second is left out when it is zero. */
export const span = (ms: number): string => {
  const first = units.findIndex(([, size]) => ms >= size)
  const [unit, size] = units[first] ?? ['s', 1000]
  const count = Math.floor(ms / size)
  const [lesser, lesserSize] = (first < 0 ? undefined : units[first + 1]) ?? ['s', 1000]
  const rest = Math.floor((ms % size) / lesserSize)
  return rest > 0 && lesserSize < size ? `${count} ${unit} ${rest} ${lesser}` : `${Math.max(count, 0)} ${unit}`
}

/** How long ago a time (ISO 8601) was. A clock that is behind the database's reads as `0 s`. */
export const since = (time: string, now: number): string => span(Math.max(0, now - Date.parse(time)))

const written: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Reads `90s`, `10m`, `1h30m` or a number of seconds, as ms. Throws BAD_INPUT. */
export const readSpan = (text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|min|s|m|h|d)/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (written[unit] ?? 0), 0)
  }
  throw new WritError('BAD_INPUT', `${JSON.stringify(text)} is not a span of time`, { hint: 'as in 90s, 10m or 1h30m' })
}
