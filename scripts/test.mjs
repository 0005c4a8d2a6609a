/**
 * `npm test [-- vitest's arguments]`: makes the checkout ready and runs every short suite, then compares docs/rules.md with what
 * was proved. With arguments only a part runs, and docs/rules.md is left alone. The last line is `N passed, N failed`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { built, installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

await ready(installed, built)
const folder = mkdtempSync(join(tmpdir(), 'writ-result-'))
const file = join(folder, 'result.json')
const only = process.argv.slice(2)
const reporters = ['--reporter=default', '--reporter=./test/support/rules-reporter.ts']
const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...only]
const env = { ...process.env, WRIT_TEST_RESULT: file, WRIT_RULES: only.length > 0 ? 'leave' : 'write' }
const code = await run(process.execPath, args, { cwd: root, env })
const { passed, failed, proved, total, missing, unknown, stale } = result()
const faults = only.length > 0 ? [] : faultsOfRules()
for (const fault of faults) console.log(fault)
console.log(`rules: ${proved} of ${total}${only.length > 0 ? ' (of the suites that ran)' : ''}`)
const failures = failed + faults.length || (code === 0 ? 0 : 1)
console.log(`${passed} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1

/** What the reporter noted; nothing when vitest did not get that far. */
function result() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return { passed: 0, failed: 1, proved: 0, total: 54, missing: [], unknown: [], stale: false }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function faultsOfRules() {
  const faults = []
  if (missing.length > 0)
    faults.push(`No passing test proves ${missing.join(', ')}: a test's title names the rule it proves.`)
  if (unknown.length > 0) faults.push(`There is no such rule: ${unknown.join(', ')}. The rules are R1 to R54.`)
  if (stale && process.env.CI === 'true') faults.push('docs/rules.md is stale: it has been written anew; commit it.')
  return faults
}
