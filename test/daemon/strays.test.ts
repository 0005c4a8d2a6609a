/** Processes that try to outlive their task: without its environment, its session, its parent or its output. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { openFamilies } from '../../src/daemon/family.ts'
import { after, lives, openNode, skipAloud, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

const looks = vi.hoisted(() => ({ count: 0 }))
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<{ readdirSync: (path: string) => string[] }>()
  const readdirSync = (path: string, ...more: []): string[] => {
    if (path === '/proc') looks.count++
    return real.readdirSync(path, ...more)
  }
  return { ...real, readdirSync }
})

const isLinux = process.platform === 'linux'
const why = 'only a Linux shows who descends from whom'

const pidIn = (file: string): Promise<number> =>
  until(() =>
    existsSync(file) && readFileSync(file, 'utf8').endsWith('\n') ? Number(readFileSync(file, 'utf8')) : null,
  )

/** A script that begins such a process and goes on once the file holds its id. */
const escaping = (file: string, redirected: string): string =>
  `setsid env -i /bin/sh -c 'echo $$ > ${file}; exec /bin/sleep 1000' ${redirected} &\nuntil [ -s ${file} ]; do :; done`

describe('a process that a task leaves behind is ended with it,', () => {
  test.each([
    ['though it has emptied its environment and has a session of its own', ''],
    ['though it gave up one of its outputs, too', '> /dev/null'],
  ])('%s', async (_title, redirected) => {
    const file = join(temporaryFolder(), 'pid')
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: escaping(file, redirected) } }))
    const { verb } = await node.outcome('t1')
    const pid = await pidIn(file)
    after(() => Promise.resolve(lives(pid) && process.kill(pid, 'SIGKILL')))
    expect([verb, lives(pid)]).toEqual(['done', isLinux ? false : lives(pid)])
  })

  test('though it gave up both outputs, when the task went on for a moment', async ({ skip }) => {
    if (!isLinux) return skipAloud(skip, why)
    const folder = temporaryFolder()
    const [file, gate] = [join(folder, 'pid'), join(folder, 'gate')]
    const node = openNode()
    await startDaemon(node)
    const plan = `${escaping(file, '< /dev/null > /dev/null 2>&1')}\nuntil [ -e ${gate} ]; do sleep 0.02; done`
    await node.order('spawn', spawnOf('t1', { task: { plan } }))
    const pid = await pidIn(file)
    after(() => Promise.resolve(lives(pid) && process.kill(pid, 'SIGKILL')))
    // A look that has begun after the process was there has come to its end once the next one begins.
    const before = looks.count
    await until(() => looks.count > before + 1)
    writeFileSync(gate, '')
    expect([(await node.outcome('t1')).verb, lives(pid)]).toEqual(['done', false])
  })
})

describe('a family of processes', () => {
  const begin = (script: string): ChildProcess => {
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    after(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    })
    return child
  }

  test('is its first process and whoever it has begun, also when that one is gone, and nobody else', async ({
    skip,
  }) => {
    if (!isLinux) return skipAloud(skip, why)
    const folder = temporaryFolder()
    const [first, other, gate] = ['first', 'other', 'gate'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const script = (file: string): string =>
      `until [ -e ${gate} ]; do sleep 0.02; done; ${escaping(file, '2> /dev/null')}\nuntil [ -e ${gate}.end ]; do sleep 0.02; done`
    const [ours, theirs] = [begin(script(first)), begin(script(other))]
    const family = openFamilies().open()
    family.add(ours.pid ?? 0)
    expect(await family.look()).toContain(ours.pid)
    writeFileSync(gate, '')
    const [mine, notMine] = [await pidIn(first), await pidIn(other)]
    after(() => Promise.resolve([mine, notMine].forEach((pid) => lives(pid) && process.kill(pid, 'SIGKILL'))))
    expect(await family.look()).toEqual(expect.arrayContaining([ours.pid, mine]))
    writeFileSync(`${gate}.end`, '')
    await Promise.all([once(ours, 'exit'), once(theirs, 'exit')])
    expect(await family.look()).toEqual([mine])
    process.kill(mine, 'SIGKILL')
    await until(() => !lives(mine))
    expect(await family.look()).toEqual([])
    expect(lives(notMine)).toBe(true)
    family.close()
  })

  test('is empty of a process that leads no session, so that nothing of its own surroundings is taken for it', async () => {
    const family = openFamilies().open()
    family.add(process.pid)
    expect(await family.look()).toEqual([])
  })
})
