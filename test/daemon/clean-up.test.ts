/** What a task leaves that cannot simply be removed: folders without rights, and what is not the daemon's at all. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { removeFolder } from '../../src/daemon/remove-folder.ts'
import {
  after,
  makeRepository,
  openNode,
  quiet,
  spawnOf,
  startDaemon,
  temporaryFolder,
  until,
  writeFiles,
} from './support.ts'

/** Paths with one of these in them cannot be removed: root, as whom tests may run, is refused nothing. */
const stuck = vi.hoisted(() => new Set<string>())

vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original()
  const rm: typeof real.rm = async (path, options) => {
    if ([...stuck].some((part) => String(path).includes(part)))
      throw Object.assign(new Error(`EACCES: permission denied, ${String(path)}`), { code: 'EACCES' })
    await real.rm(path, options)
  }
  return { ...real, rm }
})

const makeStuck = (part: string): void => {
  stuck.add(part)
  after(() => Promise.resolve(stuck.clear()))
}

const nobody = 65534
const eightDaysAgo = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000)

/** As a user whom rights hold for: root becomes one meanwhile. */
const withoutRoot = async (act: () => Promise<void>): Promise<void> => {
  if (process.geteuid?.() !== 0) return act()
  process.seteuid?.(nobody)
  try {
    await act()
  } finally {
    process.seteuid?.(0)
  }
}

/** A folder of that user's. */
const folderOfNobody = (): string => {
  const folder = temporaryFolder()
  if (process.geteuid?.() === 0) chownSync(folder, nobody, nobody)
  return folder
}

describe('a folder of an attempt', () => {
  test.each(['500', '300', '600', '000'])('is removed with folders of the mode %s in it', async (mode) => {
    const folder = join(folderOfNobody(), 'work')
    await withoutRoot(async () => {
      writeFiles(folder, { 'cache/module/a.go': 'x', 'cache/module/deep/b.go': 'x', 'c.txt': 'x' })
      for (const each of ['cache/module/deep', 'cache/module', 'cache'])
        chmodSync(join(folder, each), Number.parseInt(mode, 8))
      await removeFolder(folder)
    })
    expect(existsSync(folder)).toBe(false)
  })

  test('is removed without a change to what a link in it points to', async () => {
    const around = folderOfNobody()
    const [folder, elsewhere] = [join(around, 'work'), join(around, 'elsewhere')]
    await withoutRoot(async () => {
      writeFiles(around, { 'work/cache/a.go': 'x', 'elsewhere/kept.txt': 'kept' })
      symlinkSync(elsewhere, join(folder, 'cache', 'link'))
      for (const each of [elsewhere, join(folder, 'cache')]) chmodSync(each, 0o500)
      await removeFolder(folder)
    })
    expect(existsSync(folder)).toBe(false)
    const kept = [statSync(elsewhere).mode & 0o777, readdirSync(elsewhere)]
    chmodSync(elsewhere, 0o700)
    expect(kept).toEqual([0o500, ['kept.txt']])
  })

  test('that is in part of another user is an error, with all gone that could be', async ({ skip }) => {
    if (process.geteuid?.() !== 0) return skip('only root can make files of another user')
    const folder = join(folderOfNobody(), 'work')
    await withoutRoot(() => Promise.resolve(writeFiles(folder, { 'cache/a.go': 'x' })))
    chmodSync(join(folder, 'cache'), 0o500)
    writeFiles(folder, { 'root/b.txt': 'x' })
    await withoutRoot(() => expect(removeFolder(folder)).rejects.toMatchObject({ code: 'EACCES' }))
    await until(() => readdirSync(folder).join() === 'root')
  })
})

describe('what cannot be removed', () => {
  test('is told in the log and keeps the clean-up from nothing else, neither at the start nor later', async () => {
    const home = temporaryFolder()
    for (const each of ['work/a-stuck', 'work/b', 'plans/a-stuck', 'plans/b'])
      mkdirSync(join(home, each), { recursive: true })
    writeFiles(home, {
      'logs/a-stuck.log': 'x',
      'logs/b.log': 'x',
      'repos/a-stuck.git/HEAD': 'x',
      'repos/b.git/HEAD': 'x',
    })
    const old = ['logs/a-stuck.log', 'logs/b.log', 'repos/a-stuck.git', 'repos/b.git']
    for (const each of old) utimesSync(join(home, each), eightDaysAgo, eightDaysAgo)
    makeStuck('a-stuck')
    const told: unknown[] = []
    const log = { ...quiet, warn: (fields: object) => void told.push('path' in fields ? fields.path : null) }
    await startDaemon(openNode(), { home, log, cleanMs: 20 })
    const left = (): string[] => ['work', 'plans', 'logs', 'repos'].flatMap((each) => readdirSync(join(home, each)))
    expect(left()).toEqual(['a-stuck', 'a-stuck', 'a-stuck.log', 'a-stuck.git'])
    expect(told).toContain(join(home, 'work', 'a-stuck'))
    mkdirSync(join(home, 'work', 'c'))
    await until(() => !existsSync(join(home, 'work', 'c')))
    stuck.clear()
    await until(() => left().length === 0)
  })

  test('over the disk limit is not counted as removed: the next goes instead', async () => {
    const home = temporaryFolder()
    writeFiles(home, { 'logs/a-stuck.log': 'x'.repeat(1000), 'logs/b.log': 'x'.repeat(1000) })
    const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000)
    utimesSync(join(home, 'logs/a-stuck.log'), yesterday, yesterday)
    makeStuck('a-stuck')
    await startDaemon(openNode(), { home, diskBytesMax: 1500 })
    expect(readdirSync(join(home, 'logs'))).toEqual(['a-stuck.log'])
  })

  test('of an attempt leaves its receipt on the disk: a restart does not report it again', async () => {
    const { folder, base } = makeRepository()
    const node = openNode()
    const first = await startDaemon(node)
    const gate = join(temporaryFolder(), 'gate')
    const plan = `echo > ${gate}.begun; until [ -e ${gate} ]; do sleep 0.02; done`
    await node.order('spawn', spawnOf('t1', { repository: folder, startCommit: base, task: { plan } }))
    await until(() => existsSync(`${gate}.begun`))
    makeStuck('t1-1')
    writeFileSync(gate, '')
    await node.outcome('t1')
    await until(() => readFileSync(join(first.home, 'attempts', 't1-1.json'), 'utf8').includes('"receipt":"counted"'))
    expect(existsSync(join(first.home, 'work', 't1-1'))).toBe(true)
    await first.stop()
    stuck.clear()
    const again = openNode()
    const second = await startDaemon(again, { home: first.home })
    expect(readdirSync(join(first.home, 'work'))).toEqual([])
    await second.stop()
    expect(again.reports).toEqual([])
  })
})
