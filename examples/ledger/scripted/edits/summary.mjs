// The part `src/summary.js`: entries, and what they add up to.
export const file = 'src/summary.js'

export const edit = () => ({ [file]: module })

const module = String.raw`/** The entries of a ledger, and what they add up to. */
import { readCsv } from './csv.js'
import { shares, toCents } from './money.js'

const columns = ['date', 'category', 'description', 'amount']

/** The entries of a ledger's CSV text. Throws with the number of the first row that is not right. */
export function readEntries(text) {
  const [head = [], ...rows] = readCsv(text)
  if (head.join() !== columns.join()) throw new Error('row 1: the columns must be ' + columns.join())
  return rows.map((row, at) => {
    try {
      return readEntry(row)
    } catch (error) {
      throw new Error('row ' + (at + 2) + ': ' + error.message, { cause: error })
    }
  })
}

function readEntry(row) {
  if (row.length !== columns.length) throw new Error(row.length + ' fields where ' + columns.length + ' are needed')
  const [date, category, description, amount] = row
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new Error('"' + date + '" is no date (YYYY-MM-DD)')
  return { date, category, description, cents: toCents(amount) }
}

/** Count, first and last date and sum of the entries, and the same by category (largest first) and by month. */
export function summarise(entries) {
  const dates = entries.map((entry) => entry.date).sort()
  const categories = groups(entries, (entry) => entry.category).sort((a, b) => b.cents - a.cents || byName(a, b))
  const share = shares(categories.map((category) => category.cents))
  return {
    count: entries.length,
    from: dates.at(0),
    to: dates.at(-1),
    cents: sum(entries),
    categories: categories.map((category, at) => ({ ...category, share: share[at] })),
    months: groups(entries, (entry) => entry.date.slice(0, 7)).sort(byName),
  }
}

function groups(entries, nameOf) {
  const found = new Map()
  for (const entry of entries) found.set(nameOf(entry), [...(found.get(nameOf(entry)) ?? []), entry])
  return [...found].map(([name, group]) => ({ name, count: group.length, cents: sum(group) }))
}

const sum = (entries) => entries.reduce((cents, entry) => cents + entry.cents, 0)
const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
`
