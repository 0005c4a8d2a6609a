/** A time as it travels: ISO 8601 in UTC, from ms since 1970. */
export const isoTime = (ms: number): string => new Date(ms).toISOString()
