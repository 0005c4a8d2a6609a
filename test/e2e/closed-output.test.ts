/** `writ` in pipes and on terminals, also when they close: what it started is stopped in order, and what only prints ends quietly. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { processesWith } from '../support/processes.ts'
import { writHere } from '../support/writ-here.ts'
import { environment, root, startWrit, type Started } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-closed-'))
const data = join(folder, 'data')
const started: ChildProcess[] = []
const start = (...args: string[]): Started => {
  const one = startWrit(...args)
  started.push(one.process)
  return one
}
/** As when the reader of a pipe ends. */
const close = ({ process }: Started, ...streams: readonly ('stdout' | 'stderr')[]): void => {
  for (const stream of streams) process[stream]?.destroy()
}
/** Where Postgres runs as another user, its data is in a place of its own. */
const left = (): string[] => {
  const postgres = join(data, 'postgres')
  return [...processesWith(folder), ...(existsSync(postgres) ? processesWith(realpathSync(postgres)) : [])]
}
const nothingLeft = (): Promise<void> => expect.poll(left, { timeout: 20_000 }).toEqual([])
const serves = 'Ctrl-C'

afterEach(async () => {
  for (const one of started.splice(0)) one.kill('SIGKILL')
  await writHere('down', '--data-dir', data)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'writ up whose pipes are closed stops in order after %s, and leaves nothing running',
  async (signal) => {
    const up = start('up', '--daemon', '--data-dir', data)
    await up.says(serves)
    close(up, 'stdout', 'stderr')
    up.process.kill(signal)
    expect(await up.ended, up.printed()).toBe(0)
    await nothingLeft()
  },
  60_000,
)

it('writ up whose data nobody reads serves all the same, until it is told to stop', async () => {
  const up = start('up', '--json', '--data-dir', data)
  close(up, 'stdout')
  await expect.poll(() => existsSync(join(data, 'run/endpoints.json')), { timeout: 30_000 }).toBe(true)
  expect(await writHere('directive', 'list', '--json', '--data-dir', data)).toContain('directives')
  up.process.kill('SIGINT')
  expect(await up.ended, up.printed()).toBe(0)
  await nothingLeft()
}, 60_000)

it.skipIf(!existsSync('/dev/full'))(
  'writ up that prints to a disk that is full serves all the same, and leaves nothing running',
  async () => {
    const out = openSync('/dev/full', 'w')
    const args = [join(root, 'dist/cli/main.js'), 'up', '--json', '--data-dir', data]
    const up = spawn(process.execPath, args, { cwd: root, env: environment(), stdio: ['ignore', out, out] })
    closeSync(out)
    started.push(up)
    const ended = new Promise((done) => up.once('exit', (code, signal) => done(code ?? signal)))
    await expect.poll(() => existsSync(join(data, 'run/endpoints.json')), { timeout: 30_000 }).toBe(true)
    up.kill('SIGINT')
    expect(await ended).toBe(0)
    await nothingLeft()
  },
  60_000,
)

it('writ example --exit whose data nobody reads ends with the code of its directive, and leaves nothing running', async () => {
  const example = start('example', '--exit', '--data-dir', data)
  close(example, 'stdout')
  expect(await example.ended, example.printed()).toBe(0)
  await nothingLeft()
}, 120_000)

it('writ daemon run whose pipes are closed ends in order', async () => {
  await start('up', '--data-dir', data).says(serves)
  const daemon = start('daemon', 'run', '--json', '--name', 'unheard', '--data-dir', data)
  await daemon.says('it takes tasks now')
  close(daemon, 'stdout', 'stderr')
  daemon.process.kill('SIGINT')
  expect(await daemon.ended, daemon.printed()).toBe(0)
}, 60_000)

it('a command that only prints ends quietly when nobody reads on', async () => {
  const one = start('completion', 'bash')
  close(one, 'stdout')
  expect([await one.ended, one.printed()]).toEqual([0, ''])
})

const hasScript = (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, 'script')))

describe.skipIf(process.platform !== 'linux' || !hasScript)(
  'on a terminal (needs the script command of util-linux)',
  () => {
    /** Runs a shell's command line on a terminal of its own; what is written to its stdin is typed there. */
    const onTerminal = (line: string): { terminal: ChildProcess; shows: (text: string) => Promise<void> } => {
      const terminal = spawn('script', ['-qec', line, '/dev/null'], { cwd: root, env: environment() })
      started.push(terminal)
      let shown = ''
      terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
      return { terminal, shows: (text) => expect.poll(() => shown, { timeout: 100_000 }).toContain(text) }
    }
    const up = `${process.execPath} ${join(root, 'dist/cli/main.js')} up --daemon --data-dir ${data}`

    it('writ up stops in order when the terminal is closed', async () => {
      const { terminal, shows } = onTerminal(`exec ${up}`)
      await shows(serves)
      terminal.kill('SIGKILL')
      await nothingLeft()
      expect(existsSync(join(data, 'run/endpoints.json'))).toBe(false)
    }, 60_000)

    it('writ up in a pipe stops in order after a Ctrl-C that ends its reader as well', async () => {
      const { terminal, shows } = onTerminal(`${up} 2>&1 | tee ${join(folder, 'log')}`)
      await shows(serves)
      terminal.stdin?.write('\x03')
      await nothingLeft()
      expect(existsSync(join(data, 'run/endpoints.json'))).toBe(false)
    }, 60_000)

    describe('npm start', () => {
      const begin = `${join(root, 'scripts/start.mjs')} --stay --data-dir ${data}`
      const ended = (terminal: ChildProcess): Promise<number | null> =>
        new Promise((done) => terminal.once('exit', (code) => done(code)))

      it('stops in order after one Ctrl-C, which the terminal sends to the script and to writ', async () => {
        const { terminal, shows } = onTerminal(`exec ${process.execPath} ${begin}`)
        await shows(serves)
        terminal.stdin?.write('\x03')
        expect(await ended(terminal)).toBe(0)
        await nothingLeft()
      }, 120_000)

      it('stops in order after a SIGINT that was sent to the script alone', async () => {
        const { terminal, shows } = onTerminal(`exec ${process.execPath} ${begin}`)
        await shows(serves)
        const script = processesWith(begin).find((line) => line.split(' ')[1] === process.execPath)
        process.kill(Number.parseInt(script ?? '', 10), 'SIGINT')
        expect(await ended(terminal)).toBe(0)
        await nothingLeft()
      }, 120_000)
    })
  },
)
