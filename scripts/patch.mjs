/**
 * Planted bugs as patches: a sentence that says what is wrong from then on, then hunks as `diff` writes them, without line numbers.
 * A hunk's old lines must be in its file exactly once, so that a patch cannot quietly plant nothing, or something else.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** What a patch is: its name, its sentence, and for each file the texts to put in place of others. Throws what is no patch. */
export function readPatch(file) {
  const [what, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const hunks = []
  let path = null
  for (const line of lines) {
    if (line.startsWith('--- ')) path = line.slice(4)
    else if (line.startsWith('@@')) hunks.push({ path, old: [], new: [] })
    else if (line !== '' || hunks.length > 0) addLine(file, hunks.at(-1), line)
  }
  if (hunks.length === 0 || hunks.some((hunk) => hunk.path === null || hunk.old.length === 0))
    throw new Error(
      `${file} plants nothing: it has a sentence, then "--- path", "@@" and lines that begin with " ", "-" or "+"`,
    )
  return { name: basename(file, '.patch'), what, file, hunks }
}

function addLine(file, hunk, line) {
  const [sign = ' ', text] = [line[0], line.slice(1)]
  if (hunk === undefined || !' -+'.includes(sign)) throw new Error(`${file}: ${JSON.stringify(line)} is in no hunk`)
  if (sign !== '+') hunk.old.push(text)
  if (sign !== '-') hunk.new.push(text)
}

/** The patched files of the checkout at `root`, path by path, in memory alone. Throws when a hunk does not apply. */
export function patched(root, patches) {
  const texts = new Map()
  for (const { file, hunks } of patches)
    for (const hunk of hunks) {
      const path = join(root, hunk.path)
      const parts = (texts.get(path) ?? `\n${readFileSync(path, 'utf8')}`).split(`\n${hunk.old.join('\n')}\n`)
      if (parts.length !== 2)
        throw new Error(
          `${file} does not apply: ${hunk.path} has ${parts.length - 1} places that read\n${hunk.old.join('\n')}`,
        )
      texts.set(path, parts.join(`\n${hunk.new.map((text) => `${text}\n`).join('')}`))
    }
  return new Map([...texts].map(([path, text]) => [path, text.slice(1)]))
}
