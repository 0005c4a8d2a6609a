/** What the wire carries and the rules leave unset (R40): continuing from another task, copying files, merging at the end. */
import { existsSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node, Reported } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

type Changes = Parameters<typeof spawnOf>[1]

/** A worker of the step with this index, with an id as a node makes it. */
const worker = (repository: string, index: number, plan: string, changes: Changes = {}): Spawn =>
  spawnOf(`d__1_${index}__t1`, {
    repository,
    targetBranch: `writ/d/${index}/${changes.task?.attempt ?? 1}`,
    ...changes,
    task: { plan, ...changes.task },
  })

const run = async (node: Node, spawn: Spawn): Promise<Reported> => {
  const outcomes = (): Reported[] => node.reports.filter(({ verb }) => verb === 'done' || verb === 'failed')
  const before = outcomes().length
  await node.order('spawn', spawn)
  return until(() => outcomes()[before])
}

describe('R40: a task that continues from another', () => {
  test('starts from what the last attempt of that one has pushed, from whichever daemon', async () => {
    const { folder, base } = makeRepository()
    const [left, right] = [openNode(), openNode()]
    await startDaemon(left)
    await startDaemon(right)
    for (let attempt = 1; attempt <= 11; attempt += 5)
      await run(left, worker(folder, 0, `echo ${attempt} > n`, { startCommit: base, task: { attempt } }))
    const { verb, body } = await run(
      right,
      worker(folder, 1, 'cat n a.txt; echo more > m', { continueFrom: 'd__1_0__t1', startCommit: base }),
    )
    expect([verb, body['result']]).toEqual(['done', '11\none'])
    expect(git(folder, 'rev-parse', 'writ/d/1/1^')).toBe(git(folder, 'rev-parse', 'writ/d/0/11'))
  })

  test('that has left nothing, or without a repository, is a clear failure of the work', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const cases = [
      [worker(folder, 1, 'true', { continueFrom: 'd__1_0__t1', startCommit: base }), 'has left no work'],
      [worker(folder, 2, 'true', { continueFrom: '--upload-pack=x' }), 'is not the task of a step'],
      [spawnOf('n1', { continueFrom: 'd__1_0__t1' }), 'there is no repository'],
      [spawnOf('n2', { copyFiles: ['a'] }), 'there is no repository'],
    ] as const
    for (const [spawn, reason] of cases) {
      const { verb, body } = await run(node, spawn)
      expect([verb, body['means'], body['reason']]).toEqual(['failed', false, expect.stringContaining(reason)])
    }
  })
})

describe('R40: files to copy', () => {
  test("come from the parent's work, and nothing else of it does", async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const made = 'mkdir -p sub/deep "s p"; for f in sub/deep/x "s p/ä" :y other; do echo $f > "$f"; done'
    await run(node, worker(folder, 0, made, { startCommit: base }))
    const { verb, body } = await run(
      node,
      worker(folder, 1, 'git status --porcelain -uall -z | tr "\\0" "\\n"', {
        startCommit: base,
        copyFiles: ['sub/', 's p/ä', ':y'],
        task: { parent: 'd__1_0__t1' },
      }),
    )
    expect([verb, String(body['result']).split('\n').toSorted()]).toEqual([
      'done',
      ['A  :y', 'A  s p/ä', 'A  sub/deep/x'],
    ])
  })

  test.each(['../x', '/etc/passwd', 'a/../../x', '.git/config', 'sub/.GIT/config', '', 'a//b', 'a\0b', 'no-such-file'])(
    'named %j are refused as what they are, and nothing is written',
    async (name) => {
      const { folder, base } = makeRepository()
      const node = openNode()
      const { home } = await startDaemon(node)
      await run(node, worker(folder, 0, 'echo x > x', { startCommit: base }))
      const spawn = worker(folder, 1, 'true', {
        startCommit: base,
        copyFiles: ['a.txt', name],
        continueFrom: 'd__1_0__t1',
      })
      const { verb, body } = await run(node, spawn)
      expect([verb, body['means'], body['reason']]).toEqual([
        'failed',
        false,
        expect.stringMatching(/cannot be copied|has no "no-such-file"/),
      ])
      await until(() => readdirSync(join(home, 'work')).length === 0)
    },
  )

  test('do not follow a link that lies in their way', async () => {
    const { folder } = makeRepository({ 'dir/file': 'mine\n' })
    const outside = temporaryFolder()
    git(folder, 'rm', '-rq', 'dir')
    symlinkSync(outside, join(folder, 'dir'))
    git(folder, 'add', '--all')
    git(folder, 'commit', '-qm', 'A link now')
    const node = openNode()
    await startDaemon(node)
    await run(node, worker(folder, 0, 'rm dir; mkdir dir; echo taken > dir/file'))
    const { verb } = await run(
      node,
      worker(folder, 1, 'cat dir/file', { copyFiles: ['dir/file'], task: { parent: 'd__1_0__t1' } }),
    )
    expect([verb, existsSync(join(outside, 'file'))]).toEqual(['done', false])
  })
})

describe('R40: the completion action', () => {
  const bare = (folder: string): string => {
    const location = join(temporaryFolder(), 'bare.git')
    git(folder, 'clone', '--quiet', '--bare', folder, location)
    return location
  }

  test('none pushes nothing, branch the branch alone, and merge also merges it into the base branch', async () => {
    const { folder, base } = makeRepository()
    const shared = bare(folder)
    const node = openNode()
    await startDaemon(node)
    const said = { baseBranch: 'main' }
    await run(node, worker(shared, 0, 'echo 0 > none', { ...said, completionAction: 'none' }))
    expect(git(shared, 'branch', '--list', 'writ/*')).toBe('')
    await run(node, worker(shared, 1, 'echo 1 > branch', { ...said, completionAction: 'branch' }))
    expect(git(shared, 'rev-parse', 'main')).toBe(base)
    const { body } = await run(node, worker(shared, 2, 'echo 2 > merge', { ...said, completionAction: 'merge' }))
    expect(git(shared, 'rev-parse', 'writ/d/2/1')).toBe(body['commit'])
    expect(git(shared, 'log', '-1', '--format=%P', 'main')).toBe(`${base} ${String(body['commit'])}`)
    expect(git(shared, 'ls-tree', '--name-only', 'main').split('\n')).toEqual(['a.txt', 'merge'])
  })

  test('merge of two at once, from two daemons, loses neither', async () => {
    const { folder, base } = makeRepository()
    const shared = bare(folder)
    const nodes = [openNode(), openNode()]
    for (const node of nodes) await startDaemon(node)
    const merging = { baseBranch: 'main', startCommit: base, completionAction: 'merge' } as const
    const reports = await Promise.all(
      nodes.map((node, at) => run(node, worker(shared, at, `echo ${at} > file-${at}`, merging))),
    )
    expect(reports.map(({ verb }) => verb)).toEqual(['done', 'done'])
    expect(git(shared, 'ls-tree', '--name-only', 'main').split('\n')).toEqual(['a.txt', 'file-0', 'file-1'])
  })

  test('merge that is in conflict fails with the files, keeps the branch, and leaves the base as it was', async () => {
    const { folder, base } = makeRepository()
    const shared = bare(folder)
    const node = openNode()
    await startDaemon(node)
    const merging = { baseBranch: 'main', startCommit: base, completionAction: 'merge' } as const
    await run(node, worker(shared, 0, 'echo left > a.txt', merging))
    const main = git(shared, 'rev-parse', 'main')
    const { verb, body } = await run(node, worker(shared, 1, 'echo right > a.txt', merging))
    expect([verb, body['means']]).toEqual(['failed', false])
    expect(body['reason']).toContain('in conflict with main in a.txt')
    expect(git(shared, 'rev-parse', 'main')).toBe(main)
    expect(git(shared, 'show', 'writ/d/1/1:a.txt')).toBe('right')
  })

  test('merge into a branch that somebody has checked out is refused, and their files are left alone', async () => {
    const { folder, base } = makeRepository()
    git(folder, 'config', 'receive.denyCurrentBranch', 'updateInstead')
    const node = openNode()
    await startDaemon(node)
    const { verb, body } = await run(
      node,
      worker(folder, 0, 'echo new > new', { baseBranch: 'main', startCommit: base, completionAction: 'merge' }),
    )
    expect([verb, body['reason']]).toEqual(['failed', expect.stringContaining('checked out')])
    expect([git(folder, 'rev-parse', 'main'), existsSync(join(folder, 'new'))]).toEqual([base, false])
  })
})
