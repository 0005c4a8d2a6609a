#!/usr/bin/env node
/**
 * `node scripts/lines.mjs REPOSITORY DIRECTIVE… [-- flags of writ]`: compares the lines of directives, commit by commit, with
 * what their steps say: all work that has passed is in the line, and nothing else is. Ends with 1 and the faults otherwise.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const cut = process.argv.indexOf('--')
const [repository, ...directives] = process.argv.slice(2, cut === -1 ? undefined : cut)
const flags = cut === -1 ? [] : process.argv.slice(cut + 1)
const main = join(import.meta.dirname, '../dist/cli/main.js')

if (repository === undefined || directives.length === 0) {
  console.error('usage: node scripts/lines.mjs REPOSITORY DIRECTIVE… [-- flags of writ]')
  process.exit(2)
}

const writ = (...args) =>
  JSON.parse(execFileSync(process.execPath, [main, ...args, '--json', ...flags], { encoding: 'utf8' }))
const git = (...args) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim()
const lines = (text) => (text === '' ? [] : text.split('\n'))
const isIn = (commit, line) =>
  spawnSync('git', ['-C', repository, 'merge-base', '--is-ancestor', commit, line], { stdio: 'ignore' }).status === 0

/** Commits that attempts at the work of a step came to, whatever became of them. */
const tried = (step) =>
  step.tasks
    .filter(({ purpose }) => purpose === 'work')
    .flatMap(({ attempts }) => attempts.flatMap(({ commit }) => (commit === null ? [] : [commit])))

const faultsOf = (id) => {
  const directive = writ('directive', 'show', id)
  const steps = directive.stepList.map(({ id: step }) => writ('step', 'show', step))
  const { line } = directive
  if (line === null) return steps.some(({ status }) => status === 'passed') ? [`${id}: passed steps and no line`] : []
  const passed = steps.filter(({ status, commit }) => status === 'passed' && commit !== null)
  const good = passed.map(({ commit }) => commit)
  const missing = passed
    .filter(({ commit }) => !isIn(commit, line))
    .map(({ name }) => `${id}: ${name} has passed and is not in the line`)
  const strangers = steps.flatMap((step) =>
    tried(step)
      .filter((commit) => isIn(commit, line) && !good.some((each) => isIn(commit, each)))
      .map((commit) => `${id}: ${commit} of ${step.name} is in the line and has not passed`),
  )
  // The line is a row of merges, each of which brought in one commit.
  const begin = directive.tasks.find(({ purpose }) => purpose === 'prepare')
  const base = begin === undefined ? null : lineBefore(line)
  const brought = lines(git('log', '--first-parent', '--format=%P', line, ...(base === null ? [] : [`^${base}`])))
  const unknown = brought
    .map((parents) => parents.split(' ')[1])
    .filter((commit) => !good.includes(commit))
    .map((commit) => `${id}: the line has a merge of ${commit}, which no step has passed with`)
  const published = directive.status === 'completed' ? git('rev-parse', `refs/heads/writ/${id}/line`) : line
  const behind = published === line ? [] : [`${id}: its branch shows ${published}, not the line ${line}`]
  const { length } = brought
  console.log(
    `${id} (${directive.status}): ${good.length} of ${steps.length} steps have passed, ${length} merges in the line`,
  )
  return [...missing, ...strangers, ...unknown, ...behind]
}

/** Where Writ's own merges begin. */
const lineBefore = (line) =>
  lines(git('log', '--first-parent', '--format=%H %an %s', line))
    .find((each) => !/^[0-9a-f]+ Writ Merge step /.test(each))
    ?.split(' ')[0] ?? null

const faults = directives.flatMap(faultsOf)
for (const fault of faults) console.error(fault)
process.exit(faults.length === 0 ? 0 : 1)
