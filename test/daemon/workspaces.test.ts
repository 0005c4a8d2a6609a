import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { MergeOrder, MergeResult, Spawn } from '../../src/protocol/task.ts'
import type { Node, Reported } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

const line = 'writ/d/line'
const stepOf = (name: string): NonNullable<Spawn['step']> => ({
  id: `d__1_${name}`,
  address: `7.d__1_${name}`,
  name,
  index: 0,
})

const worker = (folder: string, startCommit: string, name: string, plan: string, attempt = 1): Spawn =>
  spawnOf(`t-${name}-${attempt}`, {
    repository: folder,
    startCommit,
    targetBranch: `writ/d/d__1_${name}/${attempt}`,
    step: stepOf(name),
    task: { plan, attempt },
  })

const merger = (repository: string, merge: MergeOrder, id: string, name = id): Spawn =>
  spawnOf(id, { repository, merge, step: stepOf(name), task: { role: 'merger', plan: '' } })

const run = async (node: Node, spawn: Spawn): Promise<Reported> => {
  await node.order('spawn', spawn)
  return node.outcome(spawn.task.id)
}
const commitOf = ({ body }: Reported): string => String(body['commit'])
const merged = async (node: Node, spawn: Spawn): Promise<MergeResult> =>
  (await run(node, spawn)).body['merge'] as MergeResult
const lineOf = (result: MergeResult): string => ('line' in result ? result.line : JSON.stringify(result))

/** What must never change: what the user sees in the checkout. */
const checkoutOf = (folder: string): unknown => ({
  head: readFileSync(join(folder, '.git', 'HEAD'), 'utf8'),
  index: statSync(join(folder, '.git', 'index')).mtimeMs,
  files: readdirSync(folder).toSorted(),
  config: readFileSync(join(folder, '.git', 'config'), 'utf8'),
  branches: git(folder, 'for-each-ref', '--format=%(refname) %(objectname)')
    .split('\n')
    .filter((ref) => !ref.startsWith('refs/heads/writ/')),
})

describe('workspaces in a repository', () => {
  test("a worker's changes are pushed to its own branch before done, and the user's checkout is untouched", async () => {
    const { folder, base } = makeRepository({ 'a.txt': 'one\n', 'sub/b.txt': 'two\n' })
    writeFileSync(join(folder, 'a.txt'), 'changed by the user\n')
    writeFileSync(join(folder, 'untracked.txt'), 'mine\n')
    const before = checkoutOf(folder)
    const node = openNode()
    const { home } = await startDaemon(node)
    const report = await run(node, worker(folder, base, 'first', 'cat a.txt; pwd; echo new > new.txt; rm sub/b.txt'))
    expect(report.verb).toBe('done')
    expect(report.body['result']).toBe(`one\n${join(home, 'work', 't-first-1-1')}`)
    const commit = commitOf(report)
    expect(git(folder, 'rev-parse', 'writ/d/d__1_first/1')).toBe(commit)
    expect(git(folder, 'log', '-1', '--format=%an <%ae> %s %P', commit)).toBe(
      `Writ <writ@localhost> Step first ${base}`,
    )
    expect(git(folder, 'diff', '--name-status', base, commit).split('\n')).toEqual(['A\tnew.txt', 'D\tsub/b.txt'])
    expect(checkoutOf(folder)).toEqual(before)
    expect(git(folder, 'status', '--porcelain').split('\n')).toEqual(['M a.txt', '?? untracked.txt'])
    await until(() => readdirSync(join(home, 'work')).length === 0)
  })

  test('a worker that changed nothing reports the commit that it started from, one that commits itself keeps its commits', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    expect(commitOf(await run(node, worker(folder, base, 'idle', 'true')))).toBe(base)
    expect(git(folder, 'rev-parse', 'writ/d/d__1_idle/1')).toBe(base)
    const plan = 'echo x > x; git add x; git -c user.name=Agent -c user.email=a@example.org commit -qm "My own words"'
    const own = commitOf(await run(node, worker(folder, base, 'own', plan)))
    expect(git(folder, 'log', '--format=%an %s', `${base}..${own}`)).toBe('Agent My own words')
  })

  test('a rework starts from the commit that it is given, and a repository by file URL works like a path', async () => {
    const { folder, base } = makeRepository()
    const url = pathToFileURL(folder).href
    const node = openNode()
    await startDaemon(node)
    const first = commitOf(await run(node, worker(url, base, 'first', 'echo 1 > one')))
    const spawn = {
      ...worker(url, first, 'first', 'cat one "$WRIT_FEEDBACK_FILE"; echo 2 > two', 2),
      feedback: { round: 2, text: 'say two' },
    }
    const second = await run(node, spawn)
    expect(second.body['result']).toBe('1\nsay two')
    expect(git(folder, 'log', '--format=%H', `${base}..${commitOf(second)}`).split('\n')).toEqual([
      commitOf(second),
      first,
    ])
  })

  test('what finish stops is pushed as far as it got', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    const { home } = await startDaemon(node)
    const begun = join(home, 'begun')
    const spawn = worker(folder, base, 'first', `echo half > half; echo > ${begun}; sleep 1000`)
    await node.order('spawn', spawn)
    await until(() => existsSync(begun))
    await node.order('finish', { task: spawn.task.id, attempt: 1, nonce: spawn.task.nonce })
    const report = await node.outcome(spawn.task.id)
    expect(report.verb).toBe('done')
    expect(git(folder, 'show', `${commitOf(report)}:half`)).toBe('half')
  })

  test('an evaluator sees the commit that it judges, and nothing of it is pushed', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const commit = commitOf(await run(node, worker(folder, base, 'first', 'echo good > good')))
    const refs = git(folder, 'for-each-ref')
    const checks = [
      { name: 'there', run: 'echo litter > litter; grep good good', timeout: 10 },
      { name: 'missing', run: 'echo expected 3 but was 2; exit 3', timeout: 10 },
      { name: 'slow', run: 'echo waiting; sleep 100', timeout: 0.2 },
    ]
    const spawn = spawnOf('e1', { repository: folder, startCommit: commit, checks, task: { role: 'evaluator' } })
    const { verb, body } = await run(node, spawn)
    expect(verb).toBe('done')
    expect(body['verdict']).toMatchObject({
      passed: false,
      confidenceLevel: 'red',
      summaryFeedback: '2 of 3 checks failed: missing, slow.',
      criteriaResults: [
        { name: 'there', passed: true, exitCode: 0, outputTail: 'good' },
        { name: 'missing', passed: false, exitCode: 3, outputTail: 'expected 3 but was 2' },
        { name: 'slow', passed: false, exitCode: null, outputTail: 'waiting' },
      ],
    })
    const instructions = String((body['verdict'] as { reworkInstructions: string }).reworkInstructions)
    expect(instructions).toContain('Command: echo expected 3 but was 2; exit 3')
    expect(instructions).toContain('The check "missing" failed (exit code 3)')
    expect(instructions).toContain('it took longer than 0.2 s')
    expect(body['commit']).toBeUndefined()
    expect(git(folder, 'for-each-ref')).toBe(refs)
    const none = await run(
      node,
      spawnOf('e2', { repository: folder, startCommit: commit, task: { role: 'evaluator' } }),
    )
    expect(none.body['verdict']).toMatchObject({ passed: true, overallScore: 1, reworkInstructions: null })
  })

  test('hooks and settings of the repository do not run', async () => {
    const { folder, base } = makeRepository()
    const marks = temporaryFolder()
    const hook = (path: string): void => {
      writeFileSync(path, `#!/bin/sh\ncat > /dev/null\ntouch ${marks}/$(basename $0)\nexit 1\n`)
      chmodSync(path, 0o755)
    }
    const hooks = [
      'pre-receive',
      'update',
      'post-receive',
      'reference-transaction',
      'pre-commit',
      'post-checkout',
      'pre-push',
      'post-merge',
      'commit-msg',
      'fsmonitor',
    ]
    mkdirSync(join(folder, '.git', 'hooks'), { recursive: true })
    for (const name of hooks) hook(join(folder, '.git', 'hooks', name))
    git(folder, 'config', 'core.fsmonitor', join(folder, '.git', 'hooks', 'fsmonitor'))
    git(folder, 'config', 'uploadpack.packObjectsHook', join(folder, '.git', 'hooks', 'fsmonitor'))
    git(folder, 'config', 'core.alternateRefsCommand', join(folder, '.git', 'hooks', 'fsmonitor'))
    const node = openNode()
    await startDaemon(node)
    const plan = 'echo x > x; git add x; git -c user.name=A -c user.email=a@example.org commit -qm own; echo y > y'
    const report = await run(node, worker(folder, base, 'first', plan))
    expect(report).toMatchObject({ verb: 'done' })
    const result = await merged(
      node,
      merger(folder, { kind: 'merge', line: base, commit: commitOf(report), into: line }, 'm1'),
    )
    expect(result.kind).toBe('merged')
    expect(readdirSync(marks)).toEqual([])
  })

  test('hostile repositories, branches and commits are refused as bad input, before git sees them', async () => {
    const { folder, base } = makeRepository()
    const marks = temporaryFolder()
    const node = openNode()
    await startDaemon(node)
    const hostile = [
      `ext::sh -c touch%20${marks}/ext`,
      `--upload-pack=touch ${marks}/option`,
      'fd::17',
      'http://example.org/x.git',
      'relative/path',
      'ssh://-oProxyCommand=touch/x',
      `https://example.org/x\n[core]`,
      '-u',
      'git@-oProxyCommand=x:y',
      'file://host/x',
      'https://-x/y',
    ]
    for (const [at, repository] of hostile.entries()) {
      const { verb, body } = await run(
        node,
        spawnOf(`h${at}`, { repository, startCommit: base, targetBranch: 'writ/d/x/1' }),
      )
      expect([repository, verb, body['means']]).toEqual([repository, 'failed', false])
      expect(body['reason']).toContain('is not a repository that Writ uses')
    }
    const branches = [
      '-d',
      'writ/../x',
      'writ/x y',
      'refs/heads/main',
      'main',
      'writ/x.lock',
      'writ/x:refs/heads/main',
      '+writ/x',
    ]
    for (const [at, targetBranch] of branches.entries()) {
      const { verb, body } = await run(node, spawnOf(`b${at}`, { repository: folder, startCommit: base, targetBranch }))
      expect([targetBranch, verb, body['means']]).toEqual([targetBranch, 'failed', false])
    }
    const into = await run(node, merger(folder, { kind: 'publish', line: base, into: 'main' }, 'p1'))
    expect(into.body).toMatchObject({ means: false, reason: expect.stringContaining("branch of Writ's") as string })
    expect(readdirSync(marks)).toEqual([])
    expect(git(folder, 'rev-parse', 'main')).toBe(base)
  })

  test('R28: a repository out of reach is a failure of the means, a base branch that is not there one of the work', async () => {
    const { folder } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const away = await run(node, merger(join(temporaryFolder(), 'nowhere'), { kind: 'prepare' }, 'p1'))
    expect(away.body).toMatchObject({ means: true, reason: expect.stringContaining('ls-remote') as string })
    const spawn = { ...merger(folder, { kind: 'prepare' }, 'p2'), baseBranch: 'no-such' }
    expect((await run(node, spawn)).body).toMatchObject({
      means: false,
      reason: expect.stringContaining('no branch "no-such"') as string,
    })
  })
})

describe("a directive's line", () => {
  test('prepare finds the commit of the base branch, or of HEAD without one', async () => {
    const { folder, base } = makeRepository()
    git(folder, 'branch', 'other')
    writeFileSync(join(folder, 'a.txt'), 'two\n')
    git(folder, 'commit', '-qam', 'Second')
    const node = openNode()
    await startDaemon(node)
    expect(await merged(node, merger(folder, { kind: 'prepare' }, 'p1'))).toEqual({
      kind: 'prepared',
      line: git(folder, 'rev-parse', 'main'),
    })
    expect(await merged(node, { ...merger(folder, { kind: 'prepare' }, 'p2'), baseBranch: 'other' })).toEqual({
      kind: 'prepared',
      line: base,
    })
  })

  test('R36: two steps in parallel on two daemons are merged one after the other, and the line is published', async () => {
    const { folder, base } = makeRepository()
    const before = checkoutOf(folder)
    const [left, right] = [openNode(), openNode()]
    await startDaemon(left)
    await startDaemon(right)
    const [a, b] = await Promise.all([
      run(left, worker(folder, base, 'a', 'echo a > a')).then(commitOf),
      run(right, worker(folder, base, 'b', 'echo b > b')).then(commitOf),
    ])
    const first = await merged(left, merger(folder, { kind: 'merge', line: base, commit: a, into: line }, 'm1', 'a'))
    expect(first).toMatchObject({ kind: 'merged', base })
    // The branch shows recorded commits only: the merge is recorded by the directive first.
    expect(git(folder, 'rev-parse', line)).toBe(base)
    const second = await merged(
      right,
      merger(folder, { kind: 'merge', line: lineOf(first), commit: b, into: line }, 'm2', 'b'),
    )
    expect(git(folder, 'rev-parse', line)).toBe(lineOf(first))
    expect(await merged(left, merger(folder, { kind: 'publish', line: lineOf(second), into: line }, 'p1'))).toEqual({
      kind: 'published',
      line: lineOf(second),
    })
    expect(git(folder, 'rev-parse', line)).toBe(lineOf(second))
    expect(git(folder, 'log', '--first-parent', '--format=%an %s', `${base}..${line}`).split('\n')).toEqual([
      'Writ Merge step b',
      'Writ Merge step a',
    ])
    expect(git(folder, 'ls-tree', '--name-only', line).split('\n')).toEqual(['a', 'a.txt', 'b'])
    expect(checkoutOf(folder)).toEqual(before)
  })

  test('the same merge made twice is the same commit, and a commit that the line holds already leaves it as it is', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const a = commitOf(await run(node, worker(folder, base, 'a', 'echo a > a')))
    const order: MergeOrder = { kind: 'merge', line: base, commit: a, into: line }
    const first = await merged(node, merger(folder, order, 'm1', 'a'))
    const second = await merged(node, merger(folder, order, 'm2', 'a'))
    expect(second).toEqual(first)
    const again: MergeOrder = { kind: 'merge', line: lineOf(first), commit: a, into: line }
    expect(await merged(node, merger(folder, again, 'm3', 'a'))).toEqual({
      kind: 'merged',
      base: lineOf(first),
      line: lineOf(first),
    })
  })

  test('R36: a conflict is reported with its files and changes nothing', async () => {
    const { folder, base } = makeRepository({ 'a.txt': 'one\n', 'sp ace/ä.txt': 'x\n', 'c.txt': 'c\n' })
    const node = openNode()
    await startDaemon(node)
    const a = commitOf(
      await run(node, worker(folder, base, 'a', 'echo left > a.txt; echo left > "sp ace/ä.txt"; echo c1 > c.txt')),
    )
    const b = commitOf(await run(node, worker(folder, base, 'b', 'echo right > a.txt; echo right > "sp ace/ä.txt"')))
    const first = lineOf(
      await merged(node, merger(folder, { kind: 'merge', line: base, commit: a, into: line }, 'm1', 'a')),
    )
    const result = await merged(node, merger(folder, { kind: 'merge', line: first, commit: b, into: line }, 'm2', 'b'))
    expect(result).toEqual({ kind: 'conflict', files: ['a.txt', 'sp ace/ä.txt'] })
    expect(git(folder, 'rev-parse', line)).toBe(first)
  })

  test('commits on the published branch that the directive never recorded are reported and left alone', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    await startDaemon(node)
    const a = commitOf(await run(node, worker(folder, base, 'a', 'echo a > a')))
    const stranger = git(folder, 'commit-tree', '-p', base, '-m', 'Not mine', `${base}^{tree}`)
    git(folder, 'update-ref', `refs/heads/${line}`, stranger)
    const order: MergeOrder = { kind: 'merge', line: base, commit: a, into: line }
    expect(await merged(node, merger(folder, order, 'm1', 'a'))).toEqual({ kind: 'foreign', commits: [stranger] })
    expect(await merged(node, merger(folder, { kind: 'publish', line: base, into: line }, 'p1'))).toEqual({
      kind: 'foreign',
      commits: [stranger],
    })
    expect(git(folder, 'rev-parse', line)).toBe(stranger)
  })

  test('a line that another daemon made is mended from whatever recorded commit the branch shows', async () => {
    const { folder, base } = makeRepository()
    const [left, right] = [openNode(), openNode()]
    await startDaemon(left)
    await startDaemon(right)
    const a = commitOf(await run(left, worker(folder, base, 'a', 'echo a > a')))
    const first = lineOf(
      await merged(left, merger(folder, { kind: 'merge', line: base, commit: a, into: line }, 'm1', 'a')),
    )
    execFileSync('git', ['update-ref', '-d', `refs/heads/${line}`], { cwd: folder })
    expect(await merged(right, merger(folder, { kind: 'publish', line: first, into: line }, 'p1'))).toEqual({
      kind: 'published',
      line: first,
    })
    expect(git(folder, 'rev-parse', line)).toBe(first)
  })
})
