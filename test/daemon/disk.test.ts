/** A full disk under the daemon: a small one of its own, where this user may mount one. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  after,
  git,
  makeRepository,
  openNode,
  skipAloud,
  spawnOf,
  startDaemon,
  temporaryFolder,
  until,
} from './support.ts'

/** A folder with so much room, or null. */
const smallDisk = (size: string): string | null => {
  const folder = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    // Only root may, and not in every container.
    return null
  }
  after(() => Promise.resolve(execFileSync('umount', ['--lazy', folder])))
  return folder
}

describe('on a disk that is full', () => {
  test('no report is lost, a new attempt is a failure of the means in clear words, and room again is enough', async ({
    skip,
  }) => {
    const home = smallDisk('2m')
    if (home === null) return skipAloud(skip, 'no small disk can be mounted here: a full disk is not tried')
    const gate = join(temporaryFolder(), 'gate')
    const node = openNode()
    await startDaemon(node, { home })
    const fill = `dd if=/dev/zero of=fill bs=4k 2>&1 || true; echo > ${gate}.full; until [ -e ${gate} ]; do echo on; sleep 0.02; done; echo the end`
    await node.order('spawn', spawnOf('t1', { task: { plan: fill } }))
    await until(() => existsSync(`${gate}.full`))
    await expect(node.order('spawn', spawnOf('t2'))).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining("the disk of the daemon's folder is full") as string,
    })
    writeFileSync(gate, '')
    const { verb, body } = await node.outcome('t1')
    expect([verb, body['result']]).toEqual(['done', expect.stringMatching(/No space left[^]*the end$/)])
    await until(() => readdirSync(join(home, 'work')).length === 0)
    await until(() => JSON.stringify(node.beats.at(-1)?.['running']) === '[]')
    await node.order('spawn', spawnOf('t3', { task: { plan: 'echo fine' } }))
    expect((await node.outcome('t3')).body['result']).toBe('fine')
  })

  test('a plan and a repository that do not fit are failures of the means that say so', async ({ skip }) => {
    const home = smallDisk('1m')
    if (home === null) return skipAloud(skip, 'no small disk can be mounted here: a full disk is not tried')
    const { folder } = makeRepository()
    writeFileSync(join(folder, 'large.bin'), randomBytes(2_000_000))
    git(folder, 'add', '--all')
    git(folder, 'commit', '-qm', 'Large')
    const node = openNode()
    await startDaemon(node, { home })
    await node.order('spawn', spawnOf('r1', { repository: folder }))
    expect((await node.outcome('r1')).body).toMatchObject({
      means: true,
      reason: expect.stringContaining('No space left on device') as string,
    })
    const halves = (): boolean =>
      readdirSync(join(home, 'repos'), { recursive: true }).some((name) => /tmp_/.test(String(name)))
    await until(() => !halves())
    const ballast = join(home, 'ballast')
    const plan = `# ${'x'.repeat(200_000)}\ntrue`
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=4k 2> /dev/null || truncate -s -500K ${ballast}`])
    await node.order('spawn', spawnOf('p1', { task: { plan } }))
    expect((await node.outcome('p1')).body).toMatchObject({
      means: true,
      reason: expect.stringContaining("the disk of the daemon's folder is full") as string,
    })
    execFileSync('mount', ['-o', 'remount,size=20m', home])
    await node.order('spawn', spawnOf('r2', { repository: folder, task: { plan: 'wc -c < large.bin' } }))
    expect((await node.outcome('r2')).body['result']).toBe('2000000')
  })
})
