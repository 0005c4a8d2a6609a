/** What `npm run build` and `npm start` do first, in a checkout that this user may not write, too. Compiler and bundler are such as take no time. */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { root } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-checkout-'))
const checkout = join(folder, 'checkout')
const main = join(checkout, 'dist/cli/main.js')
const link = join(checkout, 'node_modules/.bin/writ')
const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }

const compiler = '#!/bin/sh\n'
const bundler = `
import { mkdirSync, writeFileSync } from 'node:fs'
const write = async ({ dir }) => {
  mkdirSync(dir + '/cli')
  writeFileSync(dir + '/cli/main.js', '// made')
  return { output: [] }
}
export const rolldown = async () => ({ write, close: async () => {} })
`

/** Its exit code, and what it says. */
const build = (user = {}): Promise<{ code: number; said: string }> =>
  new Promise((done) => {
    const child = execFile(process.execPath, ['scripts/build.mjs'], { cwd: checkout, ...user }, (_, out, err) =>
      done({ code: child.exitCode ?? -1, said: out + err }),
    )
  })
/** Somebody whom the modes of files stop. */
const stoppable = isRoot ? nobody : {}

beforeEach(async () => {
  rmSync(checkout, { recursive: true, force: true })
  for (const made of ['node_modules/.bin', 'node_modules/rolldown', 'src/cli'])
    mkdirSync(join(checkout, made), { recursive: true })
  chmodSync(folder, 0o755)
  const same = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts']
  for (const name of [...same, 'node_modules/.package-lock.json'])
    cpSync(join(root, name), join(checkout, name), { recursive: true })
  writeFileSync(join(checkout, 'src/cli/main.ts'), '')
  writeFileSync(join(checkout, 'node_modules/.bin/tsc'), compiler, { mode: 0o755 })
  writeFileSync(join(checkout, 'node_modules/rolldown/index.mjs'), bundler)
  writeFileSync(join(checkout, 'node_modules/rolldown/package.json'), '{ "exports": "./index.mjs" }')
  const { code, said } = await build()
  if (code !== 0) throw new Error(said)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a build makes a command that can be run, and that npx finds', () => {
  expect(statSync(main).mode & 0o111).toBe(0o111)
  expect(statSync(link).ino).toBe(statSync(main).ino)
})

it.skipIf(!isRoot)('what another user has built is used as it is (needs root)', async () => {
  expect(await build(nobody)).toEqual({ code: 0, said: '' })
})

it('a build that is there is used also where the command cannot be linked', async () => {
  rmSync(link)
  chmodSync(join(checkout, 'node_modules/.bin'), 0o555)
  expect(await build(stoppable)).toEqual({ code: 0, said: '' })
  expect(existsSync(link)).toBe(false)
  chmodSync(join(checkout, 'node_modules/.bin'), 0o755)
})

it('a build that is needed and cannot be written is told without a stack', async () => {
  writeFileSync(join(checkout, 'src/cli/main.ts'), '// changed')
  chmodSync(join(checkout, '.cache'), 0o555)
  const { code, said } = await build(stoppable)
  chmodSync(join(checkout, '.cache'), 0o755)
  expect(code).toBe(1)
  expect(said).toContain(`Writ: ${checkout} cannot be written (EACCES`)
  expect(said).not.toContain('    at ')
})
