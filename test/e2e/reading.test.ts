/** What people name as input, read by the built command: what comes slowly, from a terminal, never or without an end. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { afterAll, expect, test, vi } from 'vitest'
import { skipAloud } from '../daemon/support.ts'
import { environment, root } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-reading-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const main = join(root, 'dist/cli/main.js')

interface Running {
  stdin: Writable
  kill: (signal: NodeJS.Signals) => void
  ended: Promise<{ code: number | string; printed: string }>
}

const start = (program: string, ...args: string[]): Running => {
  const child = spawn(program, args, { cwd: folder, env: environment(), stdio: ['pipe', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (printed += piece.toString()))
  // What has ended reads no more; the exit code says why.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<{ code: number | string; printed: string }>((done) => {
    child.once('close', (code, signal) => done({ code: code ?? signal ?? 'unknown', printed }))
  })
  return { stdin: child.stdin, kill: (signal) => void child.kill(signal), ended }
}
const writ = (...args: string[]): Running => start(process.execPath, main, ...args)

const directive = 'title: Slow\ngoal: Arrive.\n'
/** More than lies between two processes: once it is written, it is being read. */
const much = `${'#'.repeat(1023)}\n`.repeat(2048)

test('standard input may come as slowly as it likes', async () => {
  const running = writ('run', '-', '--dry-run')
  await new Promise((done) => running.stdin.write(much, done))
  running.stdin.end(directive)
  expect(await running.ended).toEqual({ code: 0, printed: expect.stringContaining('Slow\n') })
})

test('standard input may be a terminal', async ({ skip }) => {
  if (spawnSync('script', ['--version']).status !== 0)
    return skipAloud(skip, 'there is no script(1) here: standard input is not tried on a terminal')
  const running = start('script', '-qec', `'${process.execPath}' '${main}' run - --dry-run`, '/dev/null')
  running.stdin.write(`${directive}\u0004`)
  const { code, printed } = await running.ended
  expect({ code, printed }).toEqual({ code: 0, printed: expect.stringContaining('Nothing was sent') })
})

test('what is larger than a file may be is refused once so much was read, or before', async () => {
  const sparse = join(folder, 'sparse')
  writeFileSync(sparse, '')
  truncateSync(sparse, 3 * 1024 ** 3)
  const put = (file: string) => writ('contract', 'put', file, '--name', 'x', '--contract', 'hello__1_0__c1')
  expect(await put('sparse').ended).toEqual({
    code: 2,
    printed: 'error: sparse has 3221225472 bytes, over the limit of 8388608 [TOO_LARGE]\n',
  })
  for (const [name, running] of [
    ['/dev/zero', put('/dev/zero')],
    ['standard input', put('-')],
  ] as const) {
    for (let sent = 0; sent < 9; sent++) running.stdin.write(Buffer.alloc(1024 ** 2))
    expect(await running.ended).toEqual({
      code: 2,
      printed: `error: ${name} has more than 8388608 bytes, the limit of a file [TOO_LARGE]\n`,
    })
  }
})

test('a folder as standard input is told as one', () => {
  const stdin = openSync(folder, constants.O_RDONLY)
  const { status, stderr } = spawnSync(process.execPath, [main, 'run', '-', '--dry-run'], {
    env: environment(),
    stdio: [stdin, 'pipe', 'pipe'],
    encoding: 'utf8',
  })
  closeSync(stdin)
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining('standard input cannot be read: it is a folder [BAD_INPUT]'),
  ])
})

/** A pipe can be opened for writing, without waiting, only once somebody has opened it for reading. */
const openedByAReader = async (pipe: string): Promise<number> =>
  vi.waitUntil(
    () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
      } catch {
        return undefined
      }
    },
    { timeout: 30_000, interval: 5 },
  )

test('a named pipe is read to its end, and Ctrl-C is heard while nobody writes to it', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const reading = writ('run', pipe, '--dry-run')
  const written = await openedByAReader(pipe)
  writeSync(written, directive)
  closeSync(written)
  expect(await reading.ended).toEqual({ code: 0, printed: expect.stringContaining('Slow\n') })

  const waiting = writ('run', pipe, '--dry-run')
  const silent = await openedByAReader(pipe)
  waiting.kill('SIGINT')
  expect(await waiting.ended).toEqual({ code: 130, printed: '' })
  closeSync(silent)
})
