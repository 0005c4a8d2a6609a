/** `writ` in the hands of a task, in the README's own set-up: the data folder, the daemon and the task are all of one user. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWrit, type Started, writ } from '../support/writ.ts'

const home = mkdtempSync(join(tmpdir(), 'writ-inside-'))
let up: Started

beforeAll(async () => {
  // The default data folder, as for somebody who has configured nothing.
  vi.stubEnv('HOME', home)
  for (const name of ['XDG_DATA_HOME', 'WRIT_HOME', 'WRIT_OWNER']) vi.stubEnv(name, undefined)
  up = startWrit('up', '--daemon', '--threads', '1')
  await up.says('Ctrl-C')
}, 60_000)
afterAll(async () => {
  up.process.kill('SIGTERM')
  await up.ended
  await writ('down')
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true, force: true })
}, 60_000)

const status = async (id: string): Promise<string> =>
  (JSON.parse(await writ('directive', 'show', id, '--json')) as { status: string }).status

/** Runs each line as one task, to the end; what each printed on both streams, and its exit code. */
const inside = async (lines: readonly string[]): Promise<{ line: string; code: number; printed: string }[]> => {
  const out = mkdtempSync(join(home, 'out-'))
  const task_plan = lines
    .map(
      (line, at) =>
        `if ${line} >${out}/${at} 2>&1; then echo 0 >${out}/${at}.code; else echo $? >${out}/${at}.code; fi`,
    )
    .join('\n')
  const plan = { steps: [{ name: 'a', description: 'a', task_plan }] }
  const file = join(out, 'directive.json')
  const needs = { worker: { executor: 'shell' } }
  writeFileSync(file, JSON.stringify({ title: 'Inside', goal: 'g', plan, evaluate: false, needs }))
  await writ('run', file, '--wait')
  const read = (name: string): string => readFileSync(join(out, name), 'utf8')
  return lines.map((line, at) => ({ line, code: Number(read(`${at}.code`)), printed: read(String(at)) }))
}

test('nothing of the person is open to a task by `writ`: no login, no directive, no server, no data folder', async () => {
  const victim = join(home, 'victim.json')
  writeFileSync(victim, JSON.stringify({ title: 'Victim', goal: 'g' }))
  await writ('directive', 'create', victim, '--id', 'victim')
  const users = await writ('creds', 'list')
  const lines = [
    'writ env',
    'writ env --daemon local',
    'writ creds create --owner thief',
    'writ creds list',
    'writ creds revoke c_default',
    'writ directive list',
    'writ directive cancel victim',
    `writ run ${victim}`,
    `writ directive plan victim --file ${victim}`,
    "writ nats pub writ.v1.default.directive.1.victim.cancel '{}'",
    'writ step approve victim/a',
    'writ task list',
    'writ inbox',
    'writ doctor',
    'writ daemon run --name thief',
    'writ daemon drain local',
    'writ up',
    'writ up --join',
    'writ down',
    // Not even when the person's own profile names a server.
    `WRIT_NATS_URL=nats://127.0.0.1:1 writ directive list`,
  ]
  const told = await inside(lines)
  const refused = expect.stringMatching(
    /^error: inside a task writ speaks for this task alone.* \[UNAUTHORIZED\]\nhint: /,
  )
  expect(told).toEqual(lines.map((line) => ({ line, code: 4, printed: refused })))
  expect(told.map(({ printed }) => printed).join('')).not.toContain('nats://')
  expect(await status('victim')).toBe('draft')
  expect(await writ('creds', 'list')).toBe(users)
}, 120_000)

test('what is the task’s own stays open to it, and so does a server that it names itself', async () => {
  const url = /NATS_URL='?([^'\n]+)/.exec(await writ('env'))?.[1] ?? ''
  const told = await inside([
    'echo kept > note && writ contract put note',
    'writ contract files',
    'writ config show',
    'writ creds permissions',
    'writ run - --dry-run </dev/null',
    `writ directive list --nats-url '${url}'`,
  ])
  expect(told.map(({ code }) => code)).toEqual([0, 0, 0, 0, 2, 0])
  expect(told[1]?.printed).toContain('note')
  expect(told[2]?.printed).not.toContain('127.0.0.1')
  expect(told[5]?.printed).toContain('Inside')
}, 120_000)
