// A SCRIPTED PLANNER: stands in for a planning agent. It reads the planning prompt, fills the directive's requirements
// into the plan that is prepared in ./plan.mjs, and submits it as the prompt says: with the `writ` command.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planFor } from './plan.mjs'

const say = (text) => console.log(`[scripted planner] ${text}`)

const prompt = readFileSync(process.env.WRIT_PLAN_FILE ?? 0, 'utf8')
const requirements = requirementsIn(prompt)
say(`read the planning prompt: ${requirements.size} files are to be written`)
try {
  submit(planFor(requirements))
} catch (error) {
  say(error.message)
  process.exitCode = 1
}

/** A requirement reads "<file>: <text>"; the prompt has it as a line of pretty JSON. */
function requirementsIn(text) {
  const strings = text.match(/^\s*"(?:src|bin)\/\S+: .*"(?=,?$)/gm) ?? []
  return new Map(strings.map((string) => JSON.parse(string)).map((line) => [line.split(': ')[0], line]))
}

/** Outside the checkout, so that the plan is not taken for work. */
function submit(plan) {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-plan-'))
  const file = join(folder, 'plan.json')
  try {
    writeFileSync(file, JSON.stringify(plan, null, 2))
    if (writ('directive', 'plan', '--file', file)) return say(`submitted a plan of ${plan.steps.length} steps`)
    if (writ('contract', 'put', file)) return say(`left a plan of ${plan.steps.length} steps in the contract's files`)
    process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function writ(...args) {
  const { status, error } = spawnSync('writ', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) say(`writ ${args[0]} ${args[1]} did not start: ${error.message}`)
  return status === 0
}
