/** Amounts of money. Inside the program an amount is a whole number of cents. */

/** The cents of an amount as people write it. */
export function toCents(text) {
  return Math.floor(Number(text) * 100)
}

/** An amount as people read it. */
export function formatCents(cents) {
  return (cents / 100).toFixed(2)
}
