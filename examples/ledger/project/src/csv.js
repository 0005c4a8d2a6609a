/** CSV as spreadsheets write it (RFC 4180). */

/** The rows of a CSV text, each a list of strings. Empty lines are skipped. */
export function readCsv(text) {
  const rows = []
  let row = []
  for (const [whole, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (whole === '' && row.length === 0) continue
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  return rows
}
