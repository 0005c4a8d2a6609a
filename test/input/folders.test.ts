/** Data folders that cannot be there, are not there, or were named by mistake: said which and why, and nothing is made by looking. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { openHome } from '../../src/daemon/home.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { call } from '../cli/call.ts'
import { startWrit, type Started } from '../support/writ.ts'

const scratch = mkdtempSync(join(tmpdir(), 'writ-folders-'))
const started: Started[] = []
afterAll(async () => {
  for (const { process, ended } of started) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGKILL')
    await ended
  }
  rmSync(scratch, { recursive: true, force: true })
})

/** As a process of its own: one that never came back to its event loop could not be ended by this one. */
const ended = async (...args: string[]): Promise<[number | string, string]> => {
  const one = startWrit(...args)
  started.push(one)
  return [await one.ended, one.printed()]
}
const link = (name: string): string => {
  const path = join(scratch, name)
  symlinkSync(join(scratch, 'unmounted'), path)
  return path
}

describe('where no folder can be made', () => {
  const nowhere = '/proc/writ'

  it('writ up says so, and ends', async () => {
    expect(await ended('up', '--data-dir', nowhere)).toEqual([
      4,
      'error: the folder /proc/writ cannot be made: /proc takes no new ones [REFUSED]\n' +
        'hint: name a folder on a disk with --data-dir or WRIT_HOME\n',
    ])
  })

  it.each([[['up', '--join']], [['node', 'list']], [['doctor']]])(
    'writ %j finds nothing there, and ends',
    async (args) => {
      const [code, printed] = await ended(...args, '--data-dir', nowhere)
      expect([3, 1]).toContain(code)
      expect(printed).toMatch(
        /nothing serves the data folder \/proc\/writ|no writ up serves the data folder \/proc\/writ/,
      )
    },
  )

  it('a node that would join named servers says so, and ends', async () => {
    const servers = ['--database-url', inject('databaseUrl'), '--nats-url', inject('natsUrl')]
    expect(await ended('up', '--join', '--data-dir', nowhere, ...servers)).toEqual([
      4,
      expect.stringContaining('the folder /proc/writ cannot be made'),
    ])
  })

  it('a daemon takes no home there', async () => {
    await expect(openHome(nowhere)).rejects.toThrow(`mkdir '${nowhere}'`)
  })
})

describe('a link that leads nowhere, as to a disk that is not mounted', () => {
  it.each([[['up']], [['up', '--join']], [['node', 'list']], [['creds', 'list']]])(
    'writ %j names both ends',
    async (args) => {
      const data = link(args.join('-'))
      const { code, err } = await call(args, { env: { WRIT_HOME: data } })
      expect({ code, err }).toEqual({
        code: 4,
        err:
          `error: ${data} is a link to ${join(scratch, 'unmounted')}, where nothing is [REFUSED]\n` +
          'hint: is that disk mounted? Mend the link, or name another folder with --data-dir or WRIT_HOME\n',
      })
      expect(existsSync(join(scratch, 'unmounted'))).toBe(false)
    },
  )

  it('also for a folder below it, and writ doctor takes it for a problem', async () => {
    const data = join(link('below'), 'deep', 'down')
    const { out } = await call(['doctor', '--json'], { env: { PATH: process.env['PATH'] ?? '', WRIT_HOME: data } })
    const { findings } = JSON.parse(out) as { findings: object[] }
    expect(findings).toContainEqual(
      expect.objectContaining({
        what: 'data folder',
        state: 'problem',
        found: expect.stringContaining('is a link to') as string,
        remedy: expect.stringContaining('is that disk mounted?') as string,
      }),
    )
    expect(out).not.toContain('ENOENT')
  })
})

describe('a folder that is not there', () => {
  it.each([
    [['node', 'list']],
    [['inbox']],
    [['creds', 'list']],
    [['creds', 'revoke', 'c_default']],
    [['env']],
    [['inspect', '--url']],
    [['up', '--join']],
    [['down']],
    [['doctor']],
  ])('writ %j makes nothing', async (args) => {
    const data = join(scratch, 'new', args.join('-'))
    await call(args, { env: { PATH: process.env['PATH'] ?? '', WRIT_HOME: data } })
    expect(existsSync(join(scratch, 'new'))).toBe(false)
  })

  it('creds create makes it, for the user that is to be known there', async () => {
    const data = join(scratch, 'made')
    expect(await call(['creds', 'create'], { env: { WRIT_HOME: data } })).toMatchObject({ code: 0 })
    expect(readdirSync(join(data, 'secrets'))).toEqual(['nats-c_default'])
  })

  it('a join that its servers refuse leaves nothing new behind, and what was there before stays', async () => {
    const before = join(scratch, 'before')
    mkdirSync(join(before, 'logs'), { recursive: true })
    const servers = ['--database-url', inject('databaseUrl'), '--nats-url', `nats://127.0.0.1:${await freePort(0)}`]
    for (const data of [join(scratch, 'joined', 'here'), before])
      expect(await ended('up', '--join', '--threads', '1', '--data-dir', data, ...servers)).toEqual([
        3,
        expect.stringContaining('no NATS server can be reached'),
      ])
    expect(existsSync(join(scratch, 'joined'))).toBe(false)
    expect([readdirSync(before), readdirSync(join(before, 'logs'))]).toEqual([['logs'], []])
  }, 60_000)
})
