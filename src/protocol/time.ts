/** A time as it travels: ISO 8601 in UTC, from ms since 1970. */
export const isoTime = (ms: number): string => new Date(ms).toISOString()

/** ISO 8601, with whichever offset, as ms since 1970. */
export const msOfIso = (text: string): number => Date.parse(text)
