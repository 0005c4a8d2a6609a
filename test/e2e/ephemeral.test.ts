/** `writ up --ephemeral`: nothing is left of its data folder, however it ends. */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { processesWith } from '../support/processes.ts'
import { startWritAsJob, startWrit, type Started } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-ephemeral-'))
const started: Started[] = []
const up = (...args: string[]): Started => {
  const one = startWrit('up', '--ephemeral', ...args)
  started.push(one)
  return one
}
const exists = async (): Promise<void> => {
  await vi.waitUntil(() => readdirSync(folder).length > 0, { timeout: 30_000, interval: 5 })
}
const nothingLeft = async (): Promise<void> => {
  await expect.poll(() => processesWith(folder), { timeout: 20_000 }).toEqual([])
  expect(readdirSync(folder)).toEqual([])
}

// Where a process of the test makes what it makes for a while.
beforeEach(() => vi.stubEnv('TMPDIR', folder))
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const { process, ended } of started.splice(0)) {
    if (process.exitCode === null && process.signalCode === null) process.kill('SIGTERM')
    await ended
  }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('after a Ctrl-C when it serves', async () => {
  const one = up('--daemon')
  await one.says('Ctrl-C')
  one.process.kill('SIGINT')
  expect(await one.ended, one.printed()).toBe(0)
  await nothingLeft()
}, 60_000)

it.each([
  ['a Ctrl-C', 1],
  ['two of them', 2],
] as const)(
  'after %s while it starts',
  async (_name, count) => {
    const one = up()
    await exists()
    for (let sent = 0; sent < count; sent++) one.process.kill('SIGINT')
    expect(await one.ended, one.printed()).toBe(130)
    await nothingLeft()
  },
  60_000,
)

it('after a Ctrl-C at the terminal while initdb runs', async () => {
  const one = startWritAsJob('up', '--ephemeral')
  started.push(one)
  // Where Postgres runs as another user, its data is in a place of its own.
  const places = (): string[] =>
    readdirSync(folder)
      .map((name) => join(folder, name, 'postgres'))
      .filter((place) => existsSync(place))
      .map((place) => realpathSync(place))
  const making = (): boolean => places().some((place) => readdirSync(place).some((name) => name.includes('making')))
  await vi.waitUntil(making, { timeout: 30_000, interval: 5 })
  const [place = ''] = places()
  process.kill(-(one.process.pid ?? NaN), 'SIGINT')
  expect([await one.ended, one.printed()]).toEqual([130, expect.not.stringMatching(/error|initdb/)])
  expect([existsSync(place), processesWith(place)]).toEqual([false, []])
  await nothingLeft()
}, 60_000)

it('after a second Ctrl-C, which stops it by force', async () => {
  const one = up()
  await one.says('Ctrl-C')
  one.process.kill('SIGINT')
  await one.says('Stopping')
  one.process.kill('SIGINT')
  expect([0, 130]).toContain(await one.ended)
  await nothingLeft()
}, 60_000)

it('after a start that failed', async () => {
  const one = up('--nats-url', 'nats://127.0.0.1:1')
  expect(await one.ended, one.printed()).toBe(3)
  await nothingLeft()
}, 60_000)

it('after a start that its own flags forbid', async () => {
  const one = up('--nats-url', 'nats://127.0.0.1:1', '--websocket')
  expect(await one.ended, one.printed()).toBe(2)
  await nothingLeft()
})
