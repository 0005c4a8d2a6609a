/** `writ down` after a crash: all that a killed `writ up --daemon` left on its data folder is ended, its tasks too. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { processesWith } from '../support/processes.ts'
import { startWrit, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-down-'))
const data = join(folder, 'data')
const mark = join(folder, 'mark')
const tasks = (): string[] => processesWith(`WRIT_PLAN_FILE=${data}`, 'environ')

/** One process in the group of its task, and one that has left it. */
const killedWhileItRunsATask = async (): Promise<void> => {
  const task_plan = `setsid sleep 7771 & touch ${mark}; sleep 7772`
  const file = join(folder, 'one.json')
  const plan = { steps: [{ name: 'a', description: 'a', task_plan }] }
  const directive = { title: 'One', goal: 'g', plan, evaluate: false, needs: { worker: { executor: 'shell' } } }
  writeFileSync(file, JSON.stringify(directive))
  const up = startWrit('up', '--daemon', '--data-dir', data)
  await up.says('Ctrl-C')
  await writ('directive', 'create', file, '--id', 'one', '--data-dir', data)
  await writ('directive', 'start', 'one', '--data-dir', data)
  await expect.poll(() => existsSync(mark), { timeout: 30_000 }).toBe(true)
  up.process.kill('SIGKILL')
  await up.ended
  expect(tasks()).not.toEqual([])
}

beforeEach(() => rmSync(mark, { force: true }))
afterAll(async () => {
  await writ('down', '--wipe', '--yes', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

it('ends the tasks that a killed writ up --daemon left, and keeps their records for the next', async () => {
  await killedWhileItRunsATask()
  const { stopped } = JSON.parse(await writ('down', '--json', '--data-dir', data)) as { stopped: { what: string }[] }
  expect(tasks()).toEqual([])
  expect(stopped.map(({ what }) => what)).toEqual(['task', 'task', 'NATS', 'Postgres'])
  expect(readdirSync(join(data, 'daemons/local/attempts'))).toHaveLength(1)
}, 60_000)

it('ends them before --wipe removes the records by which they are known', async () => {
  rmSync(data, { recursive: true, force: true })
  await killedWhileItRunsATask()
  await writ('down', '--wipe', '--yes', '--data-dir', data)
  expect(tasks()).toEqual([])
  expect(existsSync(data)).toBe(false)
}, 60_000)

it('leaves a daemon alone that lives, and what it runs', async () => {
  const up = startWrit('up', '--data-dir', data)
  await up.says('Ctrl-C')
  const daemon = startWrit('daemon', 'run', '--name', 'alive', '--data-dir', data)
  await daemon.says('it takes tasks now')
  const home = join(data, 'daemons/alive')
  const locks = (): string[] =>
    readdirSync(home)
      .filter((name) => name.startsWith('lock'))
      .map((name) => `${name} ${readFileSync(join(home, name), 'utf8')}`)
  const held = locks()
  await writ('down', '--data-dir', data)
  expect(await up.ended, up.printed()).toBe(0)
  expect(locks()).toEqual(held)
  expect(held.join()).toContain(String(daemon.process.pid))
  expect(daemon.process.exitCode).toBe(null)
  daemon.process.kill('SIGTERM')
  expect(await daemon.ended, daemon.printed()).toBe(0)
}, 60_000)
