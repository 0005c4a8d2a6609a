// The part `src/money.js`: amounts without the rounding fault, and shares.
export const file = 'src/money.js'

export const edit = () => ({ [file]: module })

const module = String.raw`/** Amounts of money. Inside the program an amount is a whole number of cents. */

/** The cents of an amount as people write it. Throws when it is no amount with at most two decimals. */
export function toCents(text) {
  const [, sign, whole, decimals = ''] = /^(-?)(\d*|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?$/.exec(text) ?? []
  if (whole === undefined || whole + decimals === '') throw new Error('"' + text + '" is no amount')
  // Digits, not arithmetic: 4.35 * 100 is 434.99999999999994.
  const cents = Number(whole.replaceAll(',', '') + decimals.padEnd(2, '0'))
  return sign === '-' ? -cents : cents
}

/** An amount as people read it. */
export function formatCents(cents) {
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return (cents < 0 ? '-' : '') + whole + '.' + digits.slice(-2)
}

/** Each part's share of the whole in whole percents that add up to 100 (all 0 when the whole is 0). */
export function shares(parts) {
  const whole = parts.reduce((sum, part) => sum + part, 0)
  if (whole === 0) return parts.map(() => 0)
  const floors = parts.map((part) => Math.floor((part * 100) / whole))
  const missing = 100 - floors.reduce((sum, floor) => sum + floor, 0)
  const rest = (at) => (parts[at] * 100) / whole - floors[at]
  const first = parts.map((_, at) => at).sort((a, b) => rest(b) - rest(a) || a - b).slice(0, missing)
  return floors.map((floor, at) => floor + (first.includes(at) ? 1 : 0))
}
`
