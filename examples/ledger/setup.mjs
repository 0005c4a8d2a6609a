// Makes the repository that the directive works on: `node setup.mjs <folder>`. The folder becomes a git repository
// with the files of ./project in one commit on `main`, always the same commit. One that is there already is left alone.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { devNull } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const someone = { NAME: 'Ledger Example', EMAIL: 'ledger@example.invalid', DATE: '2025-01-01T12:00:00Z' }
const identity = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) =>
    Object.entries(someone).map(([what, value]) => [`GIT_${who}_${what}`, value]),
  ),
)
// Nobody's own git settings (hooks, signing, line ends) may change what is made here.
const { PATH, HOME, TMPDIR } = process.env
const env = { PATH, HOME, TMPDIR, ...identity, GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: '1' }

const [target] = process.argv.slice(2)
if (target === undefined) end(2, 'usage: node setup.mjs <folder>')
else setUp(resolve(target))

function setUp(folder) {
  if (existsSync(join(folder, '.git'))) return console.log(`${folder} is there already`)
  if (existsSync(folder) && readdirSync(folder).length > 0)
    return end(1, `${folder} is neither empty nor a git repository`)
  mkdirSync(dirname(folder), { recursive: true })
  // Made beside it and then renamed: stopped in the middle, it leaves no half repository behind.
  const draft = mkdtempSync(`${folder}.new-`)
  try {
    commitProject(draft)
    chmodSync(draft, 0o755)
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true })
    throw error
  }
  console.log(`made the repository ${folder}`)
}

function commitProject(folder) {
  const git = (...args) => execFileSync('git', args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] })
  cpSync(fileURLToPath(new URL('./project', import.meta.url)), folder, { recursive: true })
  git('init', '--quiet', '--template=', '--initial-branch=main')
  git('add', '--all', '.')
  git('commit', '--quiet', '--message=ledger: a start, with parts missing')
}

function end(code, message) {
  console.error(message)
  process.exitCode = code
}
