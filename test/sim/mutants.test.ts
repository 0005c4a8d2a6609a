/** `npm run sim:mutants` in short: planted bugs are found, and what plants nothing, or something else than it says, is no find. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from '../support/writ.ts'

/** Seconds of work; how long they take is the machine's matter. */
const limitMs = 300_000
const folder = mkdtempSync(join(tmpdir(), 'writ-mutants-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const mutants = (...args: string[]): Promise<{ code: number; said: string }> =>
  new Promise((done) => {
    const child = execFile(process.execPath, ['scripts/mutants.mjs', ...args], { cwd: root }, (_, out, err) =>
      done({ code: child.exitCode ?? -1, said: out + err }),
    )
  })

/** A patch in a folder of its own. */
const planted = (name: string, change: string): string[] => {
  const patches = mkdtempSync(join(folder, 'patches-'))
  writeFileSync(join(patches, `${name}.patch`), `What it is.\n--- src/protocol/limits.ts\n@@\n${change}\n`)
  return ['--patches', patches, '--seeds', '1', '--jobs', '1']
}

test(
  'every patch applies, and the simulator finds bugs that it is given',
  async () => {
    const names = ['answer-before-commit', 'publish-before-commit', 'passed-told-twice']
    const { code, said } = await mutants(...names.flatMap((name) => ['--only', name]), '--seeds', '30', '--jobs', '1')
    expect(said).toMatch(/\n3 of 3 found\n$/)
    expect(said).toMatch(/found {4}6: message 0 is told before its commit/)
    expect(code).toBe(0)
  },
  limitMs,
)

test(
  'a bug that breaks no rule is not found, and the run has failed',
  async () => {
    const { code, said } = await mutants(
      ...planted('harmless', '-export const sweepMs = second\n+export const sweepMs = 999'),
    )
    expect(said).toMatch(/harmless +not found/)
    expect(said).toMatch(/\n0 of 1 found\n$/)
    expect(code).toBe(1)
  },
  limitMs,
)

test(
  'what only makes the code fall over is not found',
  async () => {
    const fault = '-export const sweepMs = second\n+export const sweepMs = second\n+null.fallOver()'
    const { code, said } = await mutants(...planted('crash', fault))
    expect(said).toMatch(/crashed .*TypeError/s)
    expect(code).toBe(1)
  },
  limitMs,
)

test('a patch that does not apply any more is an error that names it, and the file', async () => {
  const { code, said } = await mutants(...planted('old', '-export const sweepMs = minute\n+export const sweepMs = 0'))
  expect(said).toMatch(
    /old\.patch does not apply: src\/protocol\/limits\.ts has 0 places that read\nexport const sweepMs = minute/,
  )
  expect(code).toBe(1)
})

test('a patch whose old lines are there more than once is an error', async () => {
  const { code, said } = await mutants(...planted('vague', '-\n+// nothing'))
  expect(said).toMatch(/vague\.patch does not apply: src\/protocol\/limits\.ts has \d+ places/)
  expect(code).toBe(1)
})

test.each([
  [['--seeds', 'abc'], 'It is a whole number from 1 to 1000000000.'],
  [['--seeds', '0'], 'It is a whole number from 1 to 1000000000.'],
  [['--jobs', '0'], 'It is a whole number from 1 to 256.'],
  [['--only', 'no-such-bug'], 'there is no no-such-bug in '],
  [['--patches', folder], 'there are no patches in '],
  [['--sides=3'], "unknown option '--sides=3'"],
  [['no-fence'], 'too many arguments'],
])('%j is refused in words, and no bug is said to be missed', async (args, words) => {
  const { code, said } = await mutants(...args)
  expect(said).toContain(words)
  expect(said).not.toContain(' found')
  expect(code).toBe(2)
})
