/** `npm run chaos` that is interrupted: it ends with 130 wherever it is, and nothing of it is left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { rolldown } from 'rolldown'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { findLiving, type Living } from '../../src/embedded/living.ts'
import { environment, root } from '../support/writ.ts'

const [limitMs, withinMs] = [180_000, 60_000]
/** What comes sooner may be the same Ctrl-C once more. */
const secondAfterMs = 600
let program: string
let temporary: string
let running: ChildProcess | null = null

beforeAll(async () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  program = mkdtempSync(join(root, '.cache', 'chaos-stop-'))
  const bundle = await rolldown({
    input: { run: join(root, 'test/chaos/run.ts') },
    external: /^[^./]/,
    platform: 'node',
    transform: { target: 'node20' },
  })
  await bundle.write({ dir: program, format: 'esm', entryFileNames: '[name].mjs' })
  await bundle.close()
  cpSync(join(root, 'src/persistence/migrations'), join(program, 'migrations'), { recursive: true })
})

afterAll(() => rmSync(program, { recursive: true, force: true }))

beforeEach(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), 'writ-stop-')))
  // Postgres may be another user, who has to get through.
  chmodSync(temporary, 0o711)
})

afterEach(async () => {
  if (running?.exitCode === null) {
    running.kill('SIGKILL')
    await once(running, 'exit')
  }
  rmSync(temporary, { recursive: true, force: true })
})

interface Run {
  said: () => string
  interrupt: () => void
  ended: Promise<number | null>
}

const chaos = (...args: string[]): Run => {
  const child = spawn(process.execPath, [join(program, 'run.mjs'), ...args], {
    cwd: root,
    env: { ...environment(), TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running = child
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { said: () => said, interrupt: () => void child.kill('SIGINT'), ended }
}

const until = (is: () => boolean): Promise<void> => vi.waitUntil(is, { timeout: withinMs, interval: 20 }).then(() => {})

const isStarting = (): boolean =>
  readdirSync(temporary).some((name) => existsSync(join(temporary, name, 'servers/run/nats.conf')))

const initdb = (): Living | undefined =>
  findLiving(({ command }) => command.includes('/initdb ') && command.includes(temporary))

/** Postgres ends with all its own a moment after it was told to. */
const expectNothingLeft = async (): Promise<void> => {
  expect(readdirSync(temporary)).toEqual([])
  expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(temporary)
  await until(() => findLiving(({ command }) => command.includes(temporary)) === undefined)
}

test(
  'a Ctrl-C during the start ends it',
  async () => {
    const { said, interrupt, ended } = chaos('--minutes', '1', '--only', 'disk-full')
    await until(isStarting)
    interrupt()
    expect(await ended, said()).toBe(130)
    expect(said()).toMatch(/Stopping …\n$/)
    await expectNothingLeft()
  },
  limitMs,
)

test(
  'a second Ctrl-C during the start ends it at once, with its servers and their file system',
  async () => {
    const { said, interrupt, ended } = chaos('--minutes', '1', '--only', 'disk-full')
    let held: Living | undefined
    await until(() => (held = initdb()) !== undefined)
    // So the first one cannot end it.
    process.kill(held?.pid ?? NaN, 'SIGSTOP')
    await until(isStarting)
    interrupt()
    await until(() => said().includes('Stopping …'))
    await delay(secondAfterMs)
    interrupt()
    expect(await ended, said()).toBe(130)
    await expectNothingLeft()
  },
  limitMs,
)

test(
  'a Ctrl-C in the judgement ends it without one',
  async () => {
    const { said, interrupt, ended } = chaos('--minutes', '0.001', '--only', 'link-before', '--directives', '1')
    await vi.waitUntil(() => said().includes('what is left?'), { timeout: 2 * withinMs, interval: 20 })
    interrupt()
    expect(await ended, said()).toBe(130)
    expect(said()).toMatch(/Stopping …\n$/)
    await expectNothingLeft()
  },
  limitMs,
)
