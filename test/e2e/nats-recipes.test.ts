/** docs/nats.md is run from top to bottom as it is pasted: by a client that only knows the protocol, and by the nats command. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawNats } from '../support/raw-nats.ts'
import { goesOn, onlyListens, recipesOf, shownAs, Terminal } from '../support/recipes.ts'
import { environment, root, startWrit, type Started, writ } from '../support/writ.ts'

const recipes = recipesOf(readFileSync(join(root, 'docs/nats.md'), 'utf8'))

const greet = 'directive.132.greet.get'
const nobody = { lines: [] }
/** What is true once a recipe has been run, as whoever asks is told. */
const outcomes: Record<string, [subject: string, answer: object][]> = {
  'Log in': [['api.directive.list', nobody]],
  'Make a directive': [[greet, { title: 'Greet the moon', status: 'draft' }]],
  'Watch events': [[greet, { status: 'planning' }]],
  'Submit a plan': [[greet, { status: 'active', counts: { running: 4, pending: 1 } }]],
  List: [[greet, { status: 'active', counts: { running: 4, pending: 1 } }]],
  'Show one': [[greet, { status: 'active', counts: { running: 4, pending: 1 } }]],
  'End a task by hand': [
    [greet, { counts: { passed: 2, running: 2 } }],
    ['task.132.greet__1_0__t1.get', { status: 'done', reason: 'ended by hand' }],
    ['task.132.greet__1_1__t1.get', { status: 'done', reason: 'ended by hand' }],
  ],
  'Complete a contract': [
    ['step.132.greet__1_2.get', { status: 'passed' }],
    ['step.132.greet__1_3.get', { status: 'passed' }],
    ['step.132.greet__1_4.get', { status: 'running' }],
  ],
  'Approve or reject a held step': [
    ['step.132.greet__1_4.get', { status: 'passed', round: 2 }],
    [greet, { status: 'completed' }],
  ],
  'Pause, resume, cancel': [['directive.122.moon.get', { status: 'cancelled' }]],
  'Ask again': [['directive.122.moon.get', { status: 'active' }]],
  'Mail between actors': [['directive.122.moon.get', { status: 'cancelled' }]],
  'A daemon by hand: pull': [['directive.203.night.get', { status: 'completed', passed: 2 }]],
  'A daemon by hand: all of it': [
    ['directive.15.day.get', { status: 'completed' }],
    ['task.15.day__1_0__t1.get', { daemon: 'hand', attempts: [{ accepted: true, result: 'It is day.' }] }],
    ['api.daemon.list', nobody],
  ],
  'What tasks write': [['api.daemon.list', nobody]],
  Nodes: [['api.directive.list', { lines: [{ id: 'day' }, { id: 'night' }, { id: 'moon' }, { id: 'greet' }] }]],
  'Read errors': [[greet, { status: 'completed' }]],
  'The stream, and while no node is up': [
    ['directive.228.stars.get', { status: 'completed' }],
    ['task.228.stars__1_0__t1.get', { status: 'done', reason: 'ended by hand' }],
  ],
  'What waits': [['directive.41.rain.get', { status: 'active', paused: true }]],
  'Watch actors': [['directive.41.rain.get', { status: 'active', paused: false }]],
}

const natsCommand = (): string | null =>
  spawnSync('nats', ['--version']).status === 0
    ? execFileSync('sh', ['-c', 'command -v nats'], { encoding: 'utf8' }).trim()
    : null

const their = natsCommand()
if (their === null)
  console.warn('skipped: there is no nats command here: docs/nats.md is run by the bare protocol alone')
const node = `'${process.execPath}'`
/** To look through a stream, `nats` wants a terminal. */
const theirs = `case "$*" in *'stream view'*) exec script -qec "'${their}' $*" /dev/null ;; *) exec '${their}' "$@" ;; esac`
const clients = [
  { by: 'the bare protocol', nats: `exec ${node} '${join(root, 'test/support/raw-nats-command.mjs')}' "$@"` },
  ...(their === null ? [] : [{ by: 'the nats command', nats: theirs }]),
]

test('every recipe of docs/nats.md has an outcome here', () => {
  expect(recipes.map(({ title }) => title)).toEqual(Object.keys(outcomes))
})

describe.each(clients)('docs/nats.md by $by', ({ nats }) => {
  const folder = mkdtempSync(join(tmpdir(), 'writ-recipes-'))
  const data = join(folder, 'data')
  const terminals = new Map<string, Terminal>()
  let up: Started
  let client: RawNats

  const startUp = async (): Promise<void> => {
    up = startWrit('up', '--data-dir', data, '--threads', '1')
    await up.says('Ctrl-C')
  }
  const program = (name: string, line: string): void => {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${line}\n`)
    chmodSync(join(folder, 'bin', name), 0o755)
  }
  const env = (): NodeJS.ProcessEnv => ({
    ...environment(),
    PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    HOME: folder,
    WRIT_HOME: data,
  })
  const terminalOf = (name: string): Terminal => {
    const terminal = terminals.get(name) ?? new Terminal({ cwd: folder, env: env() })
    terminals.set(name, terminal)
    return terminal
  }
  const close = (name: string): void => {
    terminals.get(name)?.close()
    terminals.delete(name)
  }

  beforeAll(async () => {
    mkdirSync(join(folder, 'bin'))
    // Every terminal logs in anew; to be told the same once more takes a second each time.
    const login = `kept="${folder}/login$*"; [ -s "$kept" ] || ${node} '${join(root, 'dist/cli/main.js')}' "$@" >"$kept"`
    program('writ', `${login}\ncat "$kept"`)
    program('nats', nats)
    await startUp()
    const { nats: url } = JSON.parse(readFileSync(join(data, 'run/endpoints.json'), 'utf8')) as { nats: string }
    client = await RawNats.open(url)
  }, 60_000)
  afterAll(async () => {
    for (const name of [...terminals.keys()]) close(name)
    client.close()
    up.process.kill('SIGTERM')
    await up.ended
    await writ('down', '--data-dir', data)
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  /** What a person does elsewhere before a block is typed. */
  const meanwhile = async (text: string): Promise<void> => {
    if (!text.includes('While nobody was there')) return
    up.process.kill('SIGKILL')
    await up.ended
  }

  test.each(recipes)(
    '$title: it shows what the document says, and has its effect',
    { timeout: 60_000 },
    async ({ title, blocks }) => {
      for (const { typed, terminal, text } of blocks) {
        if (typed) await meanwhile(text)
        if (typed) await terminalOf(terminal).type(text)
        else await terminalOf(terminal).shows(shownAs(text), text)
      }
      if (up.process.signalCode !== null) await startUp()
      for (const [subject, answer] of outcomes[title] ?? [])
        await expect
          .poll(() => client.request(`writ.v1.default.${subject}`, {}), { timeout: 20_000 })
          .toMatchObject(answer)
      for (const { typed, terminal, text } of blocks) if (typed && goesOn(text) && !onlyListens(text)) close(terminal)
    },
  )
})
