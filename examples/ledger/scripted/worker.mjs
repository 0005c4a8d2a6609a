// A SCRIPTED WORKER: stands in for a coding agent, so that the example runs anywhere and always the same way.
//
// As an agent would, it reads its prompt and edits files in the current folder, a git worktree of its own. What it
// writes is prepared in ./edits. The prompt is all it knows: never the number of the attempt or the round.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as command from './edits/command.mjs'
import * as csv from './edits/csv.mjs'
import { comparisons } from './edits/feedback.mjs'
import * as money from './edits/money.mjs'
import * as report from './edits/report.mjs'
import * as summary from './edits/summary.mjs'
import * as table from './edits/table.mjs'

const parts = [csv, money, table, summary, report, command]
const say = (text) => console.log(`[scripted worker] ${text}`)
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

const prompt = readFileSync(process.env.WRIT_PLAN_FILE ?? 0, 'utf8')
const asked = [...prompt.matchAll(/^File: (\S+)$/gm)].at(-1)?.[1]
const part = parts.find(({ file }) => file === asked)

if (part === undefined) {
  say(`nothing is prepared for ${asked ?? 'a prompt without a line "File: …"'}; this worker is only a script`)
  process.exitCode = 1
} else {
  const lessons = comparisons(prompt).length
  say(
    lessons > 0 ? `asked for ${asked} again; the feedback shows ${lessons} results that differ` : `asked for ${asked}`,
  )
  for (const [path, text] of Object.entries(part.edit(read, prompt))) write(path, text)
}

function write(path, text) {
  const lines = (content) => content.split('\n').length - 1
  say(`wrote ${path} (${lines(read(path))} lines before, ${lines(text)} now)`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
