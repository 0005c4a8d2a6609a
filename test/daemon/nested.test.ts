/** Repositories that a task makes inside of its workspace: their files are work like any other. */
import { expect, describe, test } from 'vitest'
import { git, makeRepository, openNode, spawnOf, startDaemon } from './support.ts'

const as = 'git -c user.name=A -c user.email=a@example.org'
const inProj = 'git init -q proj; cd proj; echo precious > work.txt'
const commitOfStranger = 'c'.repeat(40)

describe('a git repository inside of a workspace is committed as its files:', () => {
  const cases: [string, string, string[]][] = [
    ['with a commit', `${inProj}; git add .; ${as} commit -qm inner`, ['proj/work.txt']],
    ['without a commit', inProj, ['proj/work.txt']],
    ['without anything', 'git init -q proj; echo x > x', ['x']],
    ['deep inside', 'mkdir -p a/b; cd a/b; git init -q .; echo x > x', ['a/b/x']],
    ['inside of another one', `${inProj}; git init -q in; echo x > in/x`, ['proj/in/x', 'proj/work.txt']],
    [
      'with files that it ignores',
      `${inProj}; echo "*.log" > .gitignore; echo x > x.log`,
      ['proj/.gitignore', 'proj/work.txt'],
    ],
    [
      'that the task itself has added',
      `(${inProj}; git add .; ${as} commit -qm inner); git add . 2> /dev/null`,
      ['proj/work.txt'],
    ],
    [
      'that the task itself has committed',
      `(${inProj}; git add .; ${as} commit -qm inner); git add . 2> /dev/null; ${as} commit -qm outer`,
      ['proj/work.txt'],
    ],
    [
      'as a link to a git folder elsewhere',
      `${inProj}; mv .git ../../elsewhere; echo "gitdir: ../../elsewhere" > .git`,
      ['proj/work.txt'],
    ],
    [
      'with a strange name',
      'git init -q "*  ü"; echo x > "*  ü/x"; git init -q -- -rf; echo x > ./-rf/x',
      ['*  ü/x', '-rf/x'],
    ],
    [
      'that is only named in the index',
      `git update-index --add --cacheinfo 160000,${commitOfStranger},nothing; echo x > x`,
      ['x'],
    ],
  ]
  test.each(cases)('%s', async (_title, plan, made) => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    await node.order(
      'spawn',
      spawnOf('t', { repository: folder, startCommit: base, targetBranch: 'writ/d/0/1', task: { plan } }),
    )
    const { verb, body } = await node.outcome('t')
    expect([verb, body['reason']]).toEqual(['done', undefined])
    const tree = git(folder, '-c', 'core.quotePath=false', 'ls-tree', '-r', String(body['commit']))
    expect(tree).not.toContain('160000')
    const names = tree.split('\n').map((line) => line.split('\t')[1] ?? '')
    expect(names.filter((name) => !name.startsWith('elsewhere/')).toSorted()).toEqual([...made, 'a.txt'].toSorted())
    if (made.includes('proj/work.txt'))
      expect(git(folder, 'show', `${String(body['commit'])}:proj/work.txt`)).toBe('precious')
  })

  test('a submodule that was there before stays one, checked out or not', async () => {
    const { folder } = makeRepository()
    const { folder: library } = makeRepository({ 'lib.txt': 'lib\n' })
    const tip = git(library, 'rev-parse', 'HEAD')
    for (const name of ['left', 'right']) git(folder, 'update-index', '--add', '--cacheinfo', `160000,${tip},${name}`)
    git(folder, 'commit', '-qm', 'Submodules')
    const base = git(folder, 'rev-parse', 'HEAD')
    const node = openNode()
    await startDaemon(node)
    const plan = `git clone -q ${library} left; echo x > x`
    await node.order(
      'spawn',
      spawnOf('t', { repository: folder, startCommit: base, targetBranch: 'writ/d/0/1', task: { plan } }),
    )
    const { body } = await node.outcome('t')
    expect(git(folder, 'diff', '--name-status', base, String(body['commit']))).toBe('A\tx')
  })

  test('files in a submodule that is not checked out fail the work, and instead of one that was removed they are committed', async () => {
    const { folder } = makeRepository()
    git(folder, 'update-index', '--add', '--cacheinfo', `160000,${commitOfStranger},left`)
    git(folder, 'commit', '-qm', 'A submodule')
    const base = git(folder, 'rev-parse', 'HEAD')
    const node = openNode()
    await startDaemon(node)
    const work = (id: string, plan: string) =>
      spawnOf(id, { repository: folder, startCommit: base, targetBranch: `writ/d/${id}/1`, task: { plan } })
    await node.order('spawn', work('t1', 'echo x > left/x'))
    expect((await node.outcome('t1')).body).toMatchObject({
      means: false,
      reason: expect.stringContaining('the files in "left" cannot be committed: it is a submodule') as string,
    })
    await node.order('spawn', work('t2', 'git rm -q left; mkdir left; echo x > left/x'))
    const { body } = await node.outcome('t2')
    expect(git(folder, 'ls-tree', '-r', '--name-only', String(body['commit'])).split('\n')).toEqual(['a.txt', 'left/x'])
  })
})
