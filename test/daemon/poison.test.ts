/** What a task does to the git folder that it is given, and what of it the tasks after it meet: nothing. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node, Reported } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, until, writeFiles } from './support.ts'

const run = async (node: Node, spawn: Spawn): Promise<Reported> => {
  await node.order('spawn', spawn)
  return node.outcome(spawn.task.id)
}

const worker = (repository: string, startCommit: string, name: string, plan: string): Spawn =>
  spawnOf(`t-${name}`, { repository, startCommit, targetBranch: `writ/d/${name}/1`, task: { plan } })

/** A commit beside `start`, with a file EVIL, as a script makes it. */
const evil = [
  'start=$(git rev-parse HEAD)',
  'echo evil > EVIL; git add EVIL',
  'evil=$(git -c user.name=E -c user.email=e@example.org commit-tree -m evil -p "$start" "$(git write-tree)")',
  'git rm -q --cached EVIL; rm EVIL',
].join('\n')
/** The folder that holds what the repository's tasks might share. */
const common = 'common=$(git rev-parse --path-format=absolute --git-common-dir)'

describe('what a failed step did in its git folder meets no later one:', () => {
  const deeds: [string, string][] = [
    ['a replaced commit', 'git replace "$start" "$evil"'],
    [
      'a replaced commit in packed refs',
      'git replace "$start" "$evil"; git update-ref refs/heads/mine "$evil"; git pack-refs --all',
    ],
    ['a graft', `${common}; mkdir -p "$common/info"; echo "$start $evil" > "$common/info/grafts"`],
    ['an end of the history', `${common}; echo "$start" > "$common/shallow"`],
    ['attributes', `${common}; mkdir -p "$common/info"; echo "* text eol=crlf ident" > "$common/info/attributes"`],
    ['ignored files', `${common}; mkdir -p "$common/info"; echo "*" > "$common/info/exclude"`],
    [
      'a filter for files',
      `${common}; git config filter.x.clean "sed s/mine/evil/"; git config filter.x.smudge "echo evil"; mkdir -p "$common/info"; echo "* filter=x" > "$common/info/attributes"`,
    ],
    ['settings', 'git config core.autocrlf true; git config core.bare true; git config core.worktree /nowhere'],
    ['a version that git does not know', 'git config core.repositoryformatversion 99'],
    ['objects from elsewhere', `${common}; echo /nowhere/objects > "$common/objects/info/alternates"`],
    ['a commit that is kept by its name alone', 'git update-ref "refs/writ/kept/$start" "$evil"'],
  ]
  test.each(deeds)('%s', async (_title, deed) => {
    const { folder, base } = makeRepository({ 'a.txt': 'one\n$Id$\n' })
    const node = openNode()
    const first = await startDaemon(node)
    const failing = await run(node, worker(folder, base, 'bad', `${evil}\n${deed}\nexit 7`))
    expect(failing.body['reason']).toContain('exit code 7')
    const plan = 'cat a.txt; ls; git log --format=%s; echo mine > mine.txt'
    const expected = 'one\n$Id$\na.txt\nFirst'
    const { verb, body } = await run(node, worker(folder, base, 'good', plan))
    expect([verb, body['reason'], body['result']]).toEqual(['done', undefined, expected])
    const commit = String(body['commit'])
    expect(git(folder, 'ls-tree', '-r', '--name-only', commit).split('\n')).toEqual(['a.txt', 'mine.txt'])
    expect(git(folder, 'show', `${commit}:mine.txt`)).toBe('mine')
    const merging = { kind: 'merge', line: base, commit, into: 'writ/d/line' } as const
    const merged = await run(node, spawnOf('m', { repository: folder, merge: merging, task: { role: 'merger' } }))
    const { line } = merged.body['merge'] as { line: string }
    expect(git(folder, 'ls-tree', '-r', '--name-only', line).split('\n')).toEqual(['a.txt', 'mine.txt'])
    await first.stop()
    const again = openNode()
    await startDaemon(again, { home: first.home })
    expect((await run(again, worker(folder, base, 'later', plan))).body['result']).toBe(expected)
  })
})

describe('a task that has its own way with its git folder', () => {
  const own = '-c user.name=A -c user.email=a@example.org'
  const ways: [string, string, string[]][] = [
    ['commits on a branch of its own', `git checkout -qb own; echo x > x; git add x; git ${own} commit -qm own`, ['x']],
    ['adds what the repository ignores', 'echo x > x.log; git add -f x.log', ['x.log']],
    ['commits what the repository ignores', `echo x > x.log; git add -f x.log; git ${own} commit -qm own`, ['x.log']],
    ['packs what it made', `echo x > x; git add x; git ${own} commit -qm own; git gc -q; echo y > y`, ['x', 'y']],
    [
      'names files that are not of its work',
      'git_dir=$(git rev-parse --git-dir); mkdir -p "$git_dir/info"; echo tool > "$git_dir/info/exclude"; echo x > x; echo x > tool',
      ['x'],
    ],
    [
      'splits its index',
      'git update-index --split-index; echo x > x.log; git add -f x.log; git update-index --refresh',
      ['x.log'],
    ],
    ['leaves it without a commit', 'git checkout -q --orphan new; echo x > x', ['x']],
    ['removes it', 'rm -rf "$(git rev-parse --git-dir)"; echo x > x', ['x']],
    [
      'has a pipe in place of its index',
      'index=$(git rev-parse --git-path index); rm "$index"; mkfifo "$index"; echo x > x',
      ['x'],
    ],
    [
      'has filters of its own',
      'git config filter.x.clean "sed s/x/y/"; echo "* filter=x" > .gitattributes; echo x > x',
      ['.gitattributes', 'x'],
    ],
  ]
  test.each(ways)('and %s has its files taken as they are', async (_title, plan, made) => {
    const { folder, base } = makeRepository({ 'a.txt': 'one\n', '.gitignore': '*.log\n' })
    const node = openNode()
    const { home } = await startDaemon(node)
    const { verb, body } = await run(node, worker(folder, base, 'own', plan))
    expect([verb, body['reason']]).toEqual(['done', undefined])
    const changes = git(folder, 'diff', '--name-status', base, String(body['commit'])).split('\n')
    expect(changes).toEqual(made.map((name) => `A\t${name}`))
    for (const name of made.filter((each) => each.startsWith('x')))
      expect(git(folder, 'show', `${String(body['commit'])}:${name}`)).toBe('x')
    expect(git(folder, 'merge-base', base, String(body['commit']))).toBe(base)
    await until(() => readdirSync(join(home, 'work')).length === 0)
  })

  test('cannot have another object taken for what its name says', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const forge = [
      evil,
      'blob=$(git rev-parse "$start:a.txt"); other=$(git rev-parse "$evil:EVIL")',
      'objects=$(git rev-parse --path-format=absolute --git-path objects)',
      'mkdir -p "$objects/$(echo $blob | cut -c1-2)"',
      'cp "$objects/$(echo $other | cut -c1-2)/$(echo $other | cut -c3-)" "$objects/$(echo $blob | cut -c1-2)/$(echo $blob | cut -c3-)"',
      'echo x > x',
    ].join('\n')
    await run(node, worker(folder, base, 'forger', forge))
    const { body } = await run(node, worker(folder, base, 'good', 'cat a.txt'))
    expect(body['result']).toBe('one')
    expect(git(folder, 'fsck', '--full', '--strict')).toBe('')
  })
})

test('a clone that somebody has tampered with on the disk is made as it was before it is used again', async () => {
  const { folder, base } = makeRepository()
  const node = openNode()
  const first = await startDaemon(node)
  await run(node, worker(folder, base, 'first', 'true'))
  await first.stop()
  const [name = ''] = readdirSync(join(first.home, 'repos'))
  const clone = join(first.home, 'repos', name)
  const tree = git(folder, 'mktree')
  const stranger = git(folder, 'commit-tree', '-m', 'Not mine', tree)
  execFileSync('git', ['fetch', '-q', folder, stranger], { cwd: clone })
  for (const part of ['info', 'hooks']) mkdirSync(join(clone, part), { recursive: true })
  const absent = 'b'.repeat(40)
  const tampered: Record<string, string> = {
    'info/grafts': `${base}\n`,
    'info/attributes': '* text eol=crlf\n',
    'hooks/post-checkout': 'exit 1\n',
    'objects/info/alternates': '/nowhere\n',
    shallow: `${base}\n`,
    config: '[core]\nrepositoryformatversion = 99\n',
    'packed-refs': `# pack-refs with: peeled fully-peeled sorted \n${stranger} refs/replace/${base}\n`,
  }
  for (const [file, text] of Object.entries(tampered)) writeFileSync(join(clone, file), text)
  writeFileSync(join(clone, 'refs', 'writ', 'kept', absent), `${absent}\n`)
  writeFiles(folder, { 'b.txt': 'two\n' })
  git(folder, 'add', '.')
  git(folder, 'commit', '-qm', 'Second')
  const tip = git(folder, 'rev-parse', 'HEAD')
  const again = openNode()
  await startDaemon(again, { home: first.home })
  const { verb, body } = await run(again, worker(folder, tip, 'second', 'cat a.txt; git log --format=%s; echo x > x'))
  expect([verb, body['reason'], body['result']]).toEqual(['done', undefined, 'one\nSecond\nFirst'])
  for (const file of Object.keys(tampered))
    expect([file, file === 'config' || !existsSync(join(clone, file))]).toEqual([file, true])
  expect(readFileSync(join(clone, 'config'), 'utf8')).not.toContain('99')
  const missing = await run(again, worker(folder, absent, 'third', 'true'))
  expect(missing.body).toMatchObject({ means: true, reason: expect.stringContaining(`${absent} is not in`) as string })
})
