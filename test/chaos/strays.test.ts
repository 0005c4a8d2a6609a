import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { straysOf } from './strays.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'writ-strays-')))
const begun: ChildProcess[] = []

const begin = async (args: readonly string[], env: Record<string, string>): Promise<number> => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', ...args], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  begun.push(child)
  await once(child, 'spawn')
  return child.pid ?? 0
}

afterEach(async () => {
  const ended = begun.splice(0).map((child) => {
    child.kill('SIGKILL')
    return once(child, 'exit')
  })
  await Promise.all(ended)
  rmSync(folder, { recursive: true, force: true })
})

const found = (own: readonly number[] = []): number[] =>
  straysOf(folder, new Set(own)).map((line) => Number(line.split(' ')[0]))

test('a process of a run is seen by its command, and one of a task by its environment; servers and what is to be there are not', async () => {
  const byCommand = await begin([join(folder, 'effects', 'chain-1')], {})
  const byEnvironment = await begin([], { WRIT_WORKSPACE: join(folder, 'daemon-1', 'workspaces') })
  const node = await begin([join(folder, 'node-1')], {})
  await begin([join(folder, 'servers', 'nats')], {})
  await begin([], { HOME: folder })
  expect(new Set(found([node]))).toEqual(new Set([byCommand, byEnvironment]))
})
