/** A number with what it counts, in words: `1 actor`, `2 actors`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
