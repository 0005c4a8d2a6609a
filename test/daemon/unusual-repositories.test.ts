/** Repositories that are not like any other: what begins there is merged there all the same. */
import { closeSync, fstatSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openClones } from '../../src/daemon/clone.ts'
import { openGit } from '../../src/daemon/git.ts'
import type { MergeOrder, MergeResult, Spawn } from '../../src/protocol/task.ts'
import type { Node } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, temporaryFolder } from './support.ts'

const line = 'writ/d/line'

const worker = (repository: string, startCommit: string, plan: string): Spawn =>
  spawnOf('t', { repository, startCommit, targetBranch: 'writ/d/0/1', task: { plan } })

const merger = (repository: string, merge: MergeOrder, id: string): Spawn =>
  spawnOf(id, { repository, merge, task: { role: 'merger', plan: '' } })

const run = async (node: Node, spawn: Spawn): Promise<Record<string, unknown>> => {
  await node.order('spawn', spawn)
  return (await node.outcome(spawn.task.id)).body
}
const commitOf = ({ commit, reason }: Record<string, unknown>): string => String(commit ?? reason)
const merged = async (node: Node, spawn: Spawn): Promise<MergeResult> =>
  (await run(node, spawn))['merge'] as MergeResult
const lineOf = (result: MergeResult): string => ('line' in result ? result.line : JSON.stringify(result))

test('work in a shallow clone is merged like any other, also after a restart', async () => {
  const { folder: whole } = makeRepository()
  git(whole, 'commit', '-q', '--allow-empty', '-m', 'Second')
  const folder = join(whole, '..', 'shallow')
  git(whole, 'clone', '-q', '--depth', '1', `file://${whole}`, folder)
  const node = openNode()
  const { home, stop } = await startDaemon(node)
  const prepared = lineOf(await merged(node, merger(folder, { kind: 'prepare' }, 'p1')))
  await stop()
  await startDaemon(node, { home })
  const a = commitOf(await run(node, worker(folder, prepared, 'echo a > a')))
  const order: MergeOrder = { kind: 'merge', line: prepared, commit: a, into: line }
  const result = await merged(node, merger(folder, order, 'm1'))
  expect(result).toMatchObject({ kind: 'merged', base: prepared })
  expect(git(folder, 'rev-list', '--count', lineOf(result))).toBe('3')
})

test('what a merge reads of attributes is whole while another begins', async () => {
  const { folder, base } = makeRepository()
  const run = openGit(process.env, [], 'tester')
  const repos = temporaryFolder()
  const repository = { location: folder, local: true }
  const clone = await openClones(repos, run).open(repository, {})
  await clone.ensure(base)
  const begin = (name: string): Promise<unknown> => clone.worktree(join(temporaryFolder(), name), base)
  await begin('one')
  const file = join(repos, readdirSync(repos)[0] ?? '', 'info', 'attributes')
  const reading = openSync(file, 'r')
  await begin('two')
  expect(fstatSync(reading).nlink).toBe(0)
  closeSync(reading)
})

const attributes: [string, string, string][] = [
  ['text', '*.txt text eol=crlf', 'one\r\n'],
  ['with a keyword', '*.txt ident', '$Id: of another system $\n'],
  ['encoded', '*.txt working-tree-encoding=UTF-16LE-BOM', 'one\n'],
]
test.each(attributes)(
  'files that git would write otherwise than they are (%s) are merged',
  async (_title, text, one) => {
    const { folder } = makeRepository({ 'a.txt': one, 'b.txt': one })
    writeFileSync(join(folder, '.gitattributes'), text)
    git(folder, 'add', '.gitattributes')
    git(folder, 'commit', '-qm', 'Attributes')
    const base = git(folder, 'rev-parse', 'HEAD')
    const node = openNode()
    await startDaemon(node)
    const a = commitOf(await run(node, worker(folder, base, 'cp a.txt b.txt; cat b.txt >> a.txt')))
    const result = await merged(node, merger(folder, { kind: 'merge', line: base, commit: a, into: line }, 'm1'))
    expect(result).toMatchObject({ kind: 'merged', base })
    expect(git(folder, 'diff', '--name-only', a, lineOf(result))).toBe('')
  },
)
