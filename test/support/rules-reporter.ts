/**
 * Notes which rules of behaviour the tests that passed have proved, and keeps docs/rules.md to it. Only `npm test` asks for this
 * reporter: a run of single files must not write down that everything else is unproved.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { readTitle, rules } from './rules.ts'

const page = 'docs/rules.md'
const head = `# Rules and their proofs

Each rule of behaviour in a line, and the tests that prove it. Made by \`npm test\` from the titles of the tests that passed; do not
edit by hand.
`

interface Proof {
  rule: string
  test: string
}

export default class RulesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const passed = tests.filter((test) => test.result().state === 'passed')
    const broken = modules.filter((module) => module.errors().length > 0).length + unhandledErrors.length
    const failed = tests.filter((test) => test.result().state === 'failed').length + broken
    const proofs = passed.flatMap(proofsOf)
    const proved = new Set(proofs.map((proof) => proof.rule).filter((rule) => rule in rules))
    const unknown = proofs.filter((proof) => !(proof.rule in rules)).map(({ rule, test }) => `${rule} (${test})`)
    const missing = Object.keys(rules).filter((rule) => !proved.has(rule))
    const text = pageOf(proofs)
    // A run that broke down proves too little to be written down.
    const stale = (failed === 0 || missing.length === 0) && (!existsSync(page) || readFileSync(page, 'utf8') !== text)
    note({
      passed: passed.length,
      failed,
      proved: proved.size,
      total: Object.keys(rules).length,
      missing,
      unknown,
      stale,
    })
    if (stale && process.env['WRIT_RULES'] === 'write') write(text)
  }
}

function proofsOf(test: TestCase): Proof[] {
  const file = relative('test', test.module.moduleId)
  const { rules: named, says } = readTitle(test.name)
  const unknown = named.filter((rule) => !(rule in rules))
  if (unknown.length > 0)
    throw new Error(`${file}: the title "${test.name}" names ${unknown.join(', ')}; the rules are R1 to R54`)
  return named.map((rule) => ({ rule, test: `${file} › ${says}` }))
}

function pageOf(proofs: readonly Proof[]): string {
  const rows = Object.entries(rules).flatMap(([rule, says]) => {
    const tests = new Set(proofs.filter((proof) => proof.rule === rule).map((proof) => cell(proof.test)))
    const [first = '**no test**', ...others] = [...tests].sort(byCodeUnits)
    return [`| ${rule} | ${says} | ${first} |`, ...others.map((test) => `| | | ${test} |`)]
  })
  return [head, '| Rule | What it says | Proved by |', '|---|---|---|', ...rows, ''].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}

/** Not by locale: the page must come out the same on every machine. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function note(result: object): void {
  const file = process.env['WRIT_TEST_RESULT']
  if (file !== undefined) writeFileSync(file, JSON.stringify(result))
}

function write(text: string): void {
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, text)
}
