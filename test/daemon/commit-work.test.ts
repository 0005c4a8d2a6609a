/** What of a task's work is committed, and upon what: all that lies in its workspace at the end, after the commit that it began at. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Reported } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon } from './support.ts'

const as = 'git -c user.name=A -c user.email=a@example.org'

/** A repository with two commits, the first with `a.txt` and `old.txt`, the second without `old.txt`. */
const twoCommits = (): { folder: string; first: string; base: string } => {
  const { folder, base: first } = makeRepository({ 'a.txt': '1\n', 'old.txt': 'old\n' })
  git(folder, 'rm', '-q', 'old.txt')
  git(folder, '-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-qm', 'Second')
  return { folder, first, base: git(folder, 'rev-parse', 'HEAD') }
}

const run = async (repository: string, startCommit: string, plan: string): Promise<Reported> => {
  const node = openNode()
  await startDaemon(node)
  await node.order('spawn', spawnOf('t', { repository, startCommit, targetBranch: 'writ/d/0/1', task: { plan } }))
  return node.outcome('t')
}

test('a file that is written anew in place, of the same size and within the second of the index, is committed', async () => {
  const { folder, base } = makeRepository({ 'a.txt': '1\n' })
  // By the clock of the files: all in one second, and the commit in a later one.
  const inOneSecond = 'until [ "$(date +%1N)" = 0 ]; do :; done; echo 2 > a.txt; git add a.txt; echo 3 > a.txt'
  const { verb, body } = await run(folder, base, `${inOneSecond}; sleep 1.2`)
  expect([verb, body['reason']]).toEqual(['done', undefined])
  expect(git(folder, 'show', `${String(body['commit'])}:a.txt`)).toBe('3')
})

describe('the commit of a task follows the one that it began at, also when the task', () => {
  const deeds: [string, string, string[]][] = [
    ['goes back', 'git reset -q --hard HEAD~1', ['a.txt', 'old.txt']],
    [
      'goes back and on',
      `git reset -q --hard HEAD~1; echo x > x; git add x; ${as} commit -qm x`,
      ['a.txt', 'old.txt', 'x'],
    ],
    ['writes the last commit anew', `echo x > x; git add x; ${as} commit -q --amend -m anew`, ['a.txt', 'x']],
    ['begins a history of its own', `git checkout -q --orphan mine; ${as} commit -qm mine`, ['a.txt']],
    ['commits', `echo x > x; git add x; ${as} commit -qm x`, ['a.txt', 'x']],
  ]
  test.each(deeds)('%s', async (_title, plan, files) => {
    const { folder, base } = twoCommits()
    const { verb, body } = await run(folder, base, plan)
    expect([verb, body['reason']]).toEqual(['done', undefined])
    const commit = String(body['commit'])
    expect(git(folder, 'merge-base', base, commit)).toBe(base)
    expect(git(folder, 'ls-tree', '-r', '--name-only', commit).split('\n')).toEqual(files)
  })
})

test('a file that git would write otherwise than it is, is left alone by a task that leaves it alone, and else is not', async () => {
  const files = { 'a.txt': 'one\r\n', 'b.txt': 'one\r\n' }
  const { folder } = makeRepository(files)
  writeFileSync(join(folder, '.gitattributes'), '*.txt text eol=crlf')
  git(folder, 'add', '.gitattributes')
  git(folder, '-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-qm', 'Attributes')
  const base = git(folder, 'rev-parse', 'HEAD')
  const { verb, body } = await run(folder, base, "git status --short; printf 'two\\r\\n' > b.txt; echo x > x")
  expect([verb, body['reason'], body['result']]).toEqual(['done', undefined, ''])
  expect(git(folder, 'diff', '--name-only', base, String(body['commit']))).toBe('b.txt\nx')
})

test('a repository whose name is no UTF-8 fails the work, and is not left out of it', async () => {
  const { folder, base } = makeRepository()
  const plan = `d=$(printf 'n\\377r'); git init -q "$d"; cd "$d"; echo x > x; git add x; ${as} commit -qm x`
  const { verb, body } = await run(folder, base, plan)
  expect([verb, body['means']]).toEqual(['failed', false])
  expect(body['reason']).toContain('cannot be committed')
})
