import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { homeFolder, openHome } from '../../src/daemon/home.ts'
import { holderOfHome } from '../../src/daemon/home-lock.ts'
import { readBranch, readCommit, readRepository, withoutCredentials } from '../../src/protocol/repository.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, temporaryFolder, until, writeFiles } from './support.ts'

const daysAgo = (days: number): Date => new Date(Date.now() - days * 24 * 60 * 60 * 1000)

describe("a daemon's home", () => {
  test('is the flag, else WRIT_DAEMON_HOME, else below the data folder', () => {
    expect(homeFolder('x', '/flag', { WRIT_DAEMON_HOME: '/env' })).toBe('/flag')
    expect(homeFolder('x', undefined, { WRIT_DAEMON_HOME: '/env' })).toBe('/env')
    expect(homeFolder('x', undefined, { WRIT_HOME: '/data' })).toBe('/data/daemons/x')
    expect(homeFolder('x', undefined, { XDG_DATA_HOME: '/xdg' })).toBe('/xdg/writ/daemons/x')
  })

  test('keeps small records and logs after the receipt, and prunes what is old at the start', async () => {
    const node = openNode()
    const first = await startDaemon(node)
    const { home } = first
    for (const id of ['t1', 't2']) {
      await node.order('spawn', spawnOf(id, { task: { plan: `echo ${'plan '.repeat(1000)}` } }))
      await node.outcome(id)
    }
    await until(() => readdirSync(join(home, 'work')).length === 0 && readdirSync(join(home, 'plans')).length === 0)
    await first.stop()
    expect(readFileSync(join(home, 'attempts', 't1-1.json'), 'utf8')).not.toContain('"spawn":{')
    for (const file of ['attempts/t1-1.json', 'logs/t1-1.log']) utimesSync(join(home, file), daysAgo(8), daysAgo(8))
    mkdirSync(join(home, 'work', 'left-behind'))
    await startDaemon(openNode(), { home })
    expect(readdirSync(join(home, 'attempts'))).toEqual(['t2-1.json'])
    expect(readdirSync(join(home, 'logs'))).toEqual(['t2-1.log'])
    expect(readdirSync(join(home, 'work'))).toEqual([])
  })

  test('over its disk limit loses what was unused longest, and a record that cannot be read is moved aside', async () => {
    const home = temporaryFolder()
    writeFiles(home, {
      'logs/old.log': 'x'.repeat(1000),
      'logs/new.log': 'x'.repeat(1000),
      'repos/a.git/objects/pack': 'x'.repeat(1000),
      'attempts/bad-1.json': '{"half',
    })
    utimesSync(join(home, 'logs/old.log'), daysAgo(2), daysAgo(2))
    utimesSync(join(home, 'repos/a.git'), daysAgo(1), daysAgo(1))
    await startDaemon(openNode(), { home, diskBytesMax: 2500 })
    expect(['logs/old.log', 'repos/a.git', 'logs/new.log'].map((each) => existsSync(join(home, each)))).toEqual([
      false,
      true,
      true,
    ])
    expect(readdirSync(join(home, 'attempts'))).toEqual(['bad-1.json.damaged'])
  })

  test('is cleaned up while it lives: over the limit goes what is unused, with the workspaces counted, and nothing that runs', async () => {
    const { folder, base } = makeRepository({ 'large.bin': 'x'.repeat(200_000) })
    const home = temporaryFolder()
    writeFiles(home, { 'logs/old.log': 'x'.repeat(1000), 'logs/new.log': 'x'.repeat(1000) })
    utimesSync(join(home, 'logs/old.log'), daysAgo(2), daysAgo(2))
    const node = openNode()
    await startDaemon(node, { home, diskBytesMax: 150_000, cleanMs: 20 })
    expect(readdirSync(join(home, 'logs')).toSorted()).toEqual(['new.log', 'old.log'])
    const gate = join(temporaryFolder(), 'gate')
    const plan = `echo begun; until [ -e ${gate} ]; do sleep 0.02; done; cat large.bin | wc -c`
    await node.order('spawn', spawnOf('t1', { repository: folder, startCommit: base, task: { plan } }))
    await until(() => readdirSync(join(home, 'logs')).join() === 't1-1.log')
    expect(readdirSync(join(home, 'repos'))).toHaveLength(1)
    writeFileSync(gate, '')
    expect((await node.outcome('t1')).body['result']).toBe('begun\n200000')
    await until(() => readdirSync(join(home, 'work')).length === 0)
  })

  test('has its clones as they were made once nobody uses them, whatever tasks have set or made there', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    const { home } = await startDaemon(node, { cleanMs: 20 })
    const plan =
      'git config core.hooksPath .husky; git config filter.x.clean "touch /tmp/x"; git branch mine; git checkout -qb other'
    await node.order('spawn', spawnOf('t1', { repository: folder, startCommit: base, task: { plan } }))
    expect((await node.outcome('t1')).verb).toBe('done')
    const [clone = ''] = readdirSync(join(home, 'repos'))
    const inClone = (...args: string[]): string => git(join(home, 'repos', clone), ...args)
    await until(() => !/husky|filter/.test(readFileSync(join(home, 'repos', clone, 'config'), 'utf8')))
    await until(() => inClone('for-each-ref', 'refs/heads') === '')
    const again = spawnOf('t2', { repository: folder, startCommit: base, task: { plan } })
    await node.order('spawn', again)
    expect((await node.outcome('t2')).verb).toBe('done')
  })

  const hurts: [string, (clone: string, commit: string) => void][] = [
    ['a commit was just being kept', (clone, commit) => renameSync(kept(clone, commit), `${kept(clone, commit)}.lock`)],
    ['a ref was not on the disk', (clone, commit) => empty(kept(clone, commit))],
    ['an object was not on the disk', (clone, commit) => empty(objectOf(clone, commit))],
  ]
  const kept = (clone: string, commit: string): string => join(clone, 'refs', 'writ', 'kept', commit)
  const objectOf = (clone: string, commit: string): string =>
    join(clone, 'objects', commit.slice(0, 2), commit.slice(2))

  const empty = (file: string): void => {
    chmodSync(file, 0o600)
    truncateSync(file)
  }

  test.each(hurts)('uses a clone again after a crash of the machine when %s', async (_title, hurt) => {
    const { folder, base } = makeRepository()
    const node = openNode()
    const { home, stop } = await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { repository: folder, startCommit: base }))
    expect((await node.outcome('t1')).verb).toBe('done')
    await stop()
    hurt(join(home, 'repos', readdirSync(join(home, 'repos'))[0] ?? ''), base)
    await startDaemon(node, { home })
    await node.order('spawn', spawnOf('t2', { repository: folder, startCommit: base }))
    expect((await node.outcome('t2')).body).not.toHaveProperty('reason')
  })

  test('is cleaned around what an open attempt uses: a clone with its worktrees stays as it is', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    const { home } = await startDaemon(node, { cleanMs: 20 })
    const gate = join(temporaryFolder(), 'gate')
    const plan = `echo > ${gate}.begun; until [ -e ${gate} ]; do sleep 0.02; done`
    await node.order('spawn', spawnOf('t1', { repository: folder, startCommit: base, task: { plan } }))
    await until(() => existsSync(`${gate}.begun`))
    const [clone = ''] = readdirSync(join(home, 'repos'))
    const merging = join(home, 'repos', clone, 'worktrees', 'line')
    mkdirSync(merging, { recursive: true })
    for (const name of ['left', 'left-again']) {
      mkdirSync(join(home, 'work', name))
      await until(() => !existsSync(join(home, 'work', name)))
    }
    expect(existsSync(merging)).toBe(true)
    writeFileSync(gate, '')
    await node.outcome('t1')
    await until(() => !existsSync(merging))
  })

  test("that cannot be opened is nobody's afterwards", async () => {
    const home = temporaryFolder()
    writeFiles(home, { 'identity.json/in-the-way': '' })
    await expect(openHome(home)).rejects.toThrow('EISDIR')
    expect(holderOfHome(home)).toBe(null)
  })

  test('with a lock that a crash left behind is taken over', async () => {
    const home = temporaryFolder()
    writeFileSync(join(home, 'lock'), JSON.stringify({ pid: process.pid, started: 'another boot' }))
    await startDaemon(openNode(), { home })
    const lock = readdirSync(home).find((name) => /^lock\.\d+$/.test(name))
    expect(JSON.parse(readFileSync(join(home, lock ?? ''), 'utf8'))).toMatchObject({
      pid: process.pid,
      released: false,
    })
  })
})

describe('names that git is given', () => {
  test('are the usual forms of repositories, branches and commits', () => {
    const remote = [
      'https://example.org/a/b.git',
      'https://token@example.org:8443/x',
      'ssh://git@example.org:22/x.git',
      'git@example.org:a/b.git',
    ]
    for (const location of remote) expect(readRepository(location)).toEqual({ location, local: false })
    for (const location of ['/srv/a b/c', 'file:///srv/x'])
      expect(readRepository(location)).toEqual({ location, local: true })
    for (const name of ['main', 'feature/x-1', 'v1.0', 'ümlaut', 'refs/heads/main'])
      expect(readBranch(name)).toBe(name.replace('refs/heads/', ''))
    expect(readCommit('a'.repeat(64))).toBe('a'.repeat(64))
    expect(withoutCredentials('in https://me:secret@example.org/x and https://b.c/x@y')).toBe(
      'in https://…@example.org/x and https://b.c/x@y',
    )
    expect(() => readCommit('HEAD')).toThrow('is not a commit')
    expect(() => readBranch('a..b')).toThrow("is not a branch's name")
  })
})
