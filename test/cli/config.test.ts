/** Where settings come from, which place wins, and what is said about bad ones. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { settings } from '../../src/cli/config-schema.ts'
import { readSettings } from '../../src/cli/config.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { writeEndpoints } from '../../src/embedded/endpoints.ts'
import { configuration } from '../support/configuration.ts'
import { call } from './call.ts'

let base: string
let cwd: string
let env: Record<string, string>
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'writ-config-'))
  cwd = join(base, 'project', 'deep')
  mkdirSync(cwd, { recursive: true })
  mkdirSync(join(base, 'user', 'writ'), { recursive: true })
  env = { XDG_CONFIG_HOME: join(base, 'user'), WRIT_HOME: join(base, 'data') }
})
afterEach(() => rmSync(base, { recursive: true }))

const projectFile = (text: string): string => written(join(base, 'project', 'writ.yaml'), text)
const userFile = (text: string): string => written(join(base, 'user', 'writ', 'config.yaml'), text)
const written = (file: string, text: string): string => {
  writeFileSync(file, text)
  return file
}

interface Line {
  setting: string
  value: unknown
  origin: string
}

const shownSettings = async (args: string[] = []): Promise<Map<string, Line>> => {
  const { out, code, err } = await call(['config', 'show', '--json', ...args], { env, cwd })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const lines = (JSON.parse(out) as { settings: Line[] }).settings
  return new Map(lines.map((line) => [line.setting, line]))
}

test('docs/configuration.md is what the schema says', () => {
  if (process.env['WRITE_DOCS'] === '1') writeFileSync('docs/configuration.md', configuration())
  expect(readFileSync('docs/configuration.md', 'utf8'), 'write it anew as its first line says').toBe(configuration())
})

test('the file in docs/configuration.md is one that is taken', () => {
  const [, example = ''] = /```yaml\n([^`]*)```/.exec(configuration()) ?? []
  projectFile(example)
  expect(readSettings(new Map(), { env, cwd })).toMatchObject(
    parse(example.replace(/ {2}executors:[^]*/, '')) as object,
  )
})

test('a flag is before the environment, that before the file of the project, that before the one of the user', async () => {
  const places: [string, () => void][] = [
    ['default', () => undefined],
    [join(base, 'user', 'writ', 'config.yaml:2:1'), () => userFile('# of mine\nowner: user\n')],
    [join(base, 'project', 'writ.yaml:1:1'), () => projectFile('owner: project\n')],
    ['WRIT_OWNER', () => (env['WRIT_OWNER'] = 'environment')],
  ]
  for (const [origin, say] of places) {
    say()
    expect((await shownSettings()).get('owner')).toMatchObject({ origin })
  }
  expect((await shownSettings(['--owner', 'flag'])).get('owner')).toMatchObject({ value: 'flag', origin: '--owner' })
})

test('the servers of a running `writ up` come after every other place, and before the default', async () => {
  const folders = dataFolder({ dataDir: env['WRIT_HOME'], env })
  expect((await shownSettings()).get('natsUrl')).toMatchObject({ value: null, origin: 'default' })
  const urls = { database: 'postgres://writ:secret@127.0.0.1:5/writ', nats: 'nats://c_default:secret@127.0.0.1:4' }
  writeEndpoints(folders, { version: '0', data: folders.root, ...urls })
  const running = `the running writ up (process ${process.pid})`
  expect((await shownSettings()).get('natsUrl')).toMatchObject({
    value: 'nats://c_default@127.0.0.1:4',
    origin: running,
  })
  userFile('natsUrl: nats://elsewhere\n')
  const shown = await shownSettings()
  expect(shown.get('natsUrl')).toMatchObject({ value: 'nats://elsewhere' })
  expect(shown.get('databaseUrl')).toMatchObject({ value: 'postgres://writ@127.0.0.1:5/writ', origin: running })
})

test('each setting of a group comes from the first place that has it, whatever else that place says', async () => {
  userFile('daemon:\n  slots: 7\n  labels: {zone: a}\n')
  projectFile('daemon: {roles: [worker]}\n')
  env['WRIT_DAEMON_LABELS'] = 'gpu=yes,zone=b'
  const shown = await shownSettings()
  expect(['slots', 'roles', 'labels'].map((name) => shown.get(`daemon.${name}`)?.value)).toEqual([
    7,
    ['worker'],
    { gpu: 'yes', zone: 'b' },
  ])
})

test('a path in a file starts from the folder of the file', async () => {
  delete env['WRIT_HOME']
  projectFile('dataDir: ../here\ndaemon: {home: there}\n')
  const shown = await shownSettings()
  expect(shown.get('dataDir')?.value).toBe(join(base, 'here'))
  expect(shown.get('daemon.home')?.value).toBe(join(base, 'project', 'there'))
})

test('all that is wrong is told at once, with its place, and a name that is none with the one that is meant', async () => {
  const project = projectFile('ownr: team\nslots: 3\ndaemon:\n  slot: 3\n  disk: 0\nnats_url: nats://x\n')
  const user = userFile('{"owner": "a b", "threads": "4"}')
  env['WRIT_DATABASE_URL'] = 'mysql://me:geheim@host'
  env['WRIT_DAEMON_SLOTS'] = 'many'
  const { code, out, err } = await call(['config', 'show', '--owner', 'sys'], { env, cwd })
  expect({ code, out }).toEqual({ code: 2, out: '' })
  for (const line of [
    'error: 10 settings are not usable [BAD_INPUT]',
    '  - --owner: the owner "sys" is reserved (choose another name)',
    '  - WRIT_DATABASE_URL: this is not such a URL (as in postgres://user:password@host:port)',
    '  - WRIT_DAEMON_SLOTS: is a whole number from 0 to 1000',
    `  - ${project}:1:1: ownr: there is no such setting; did you mean owner?`,
    `  - ${project}:2:1: slots: there is no such setting; did you mean daemon.slots?`,
    `  - ${project}:4:3: daemon.slot: there is no such setting; did you mean daemon.slots?`,
    `  - ${project}:5:3: daemon.disk: is a whole number from 1 to 1000000`,
    `  - ${project}:6:1: nats_url: there is no such setting; did you mean natsUrl?`,
    `  - ${user}:1:18: threads: is a whole number from 1 to 64`,
  ])
    expect(err).toContain(`${line}\n`)
  expect(err).toContain(`  - ${user}:1:2: owner: owner "a b" is not an id`)
  expect(err).not.toContain('geheim')
})

test('a database is named with its scheme: a name alone is told with all that is wrong', async () => {
  Object.assign(env, { WRIT_DATABASE_URL: 'localhost', WRIT_OWNER: 'a b' })
  const { code, err } = await call(['config', 'show'], { env, cwd })
  expect(code).toBe(2)
  expect(err).toContain('error: 2 settings are not usable')
  expect(err).toContain('WRIT_DATABASE_URL: this is not such a URL (as in postgres://user:password@host:port)')
})

test('a file that is no YAML, or no object, is told with its place', async () => {
  const file = projectFile('owner: [a\n')
  expect((await call(['config', 'show'], { env, cwd })).err).toContain(`${file}:2:1: `)
  projectFile('- owner\n')
  expect((await call(['config', 'show'], { env, cwd })).err).toContain(`${file}: it is not an object of settings`)
  projectFile('# nothing yet\n')
  expect((await shownSettings()).get('owner')?.value).toBe('default')
})

test('no password and no token is ever shown', async () => {
  env['WRIT_NATS_URL'] = 'nats://me:geheim@one:4222,nats://geheim@two'
  projectFile('daemon:\n  gitConfig: ["http.extraHeader=Authorization: geheim"]\n')
  env['WRIT_DATABASE_URL'] = 'postgres://me:geheim@host/db?sslpassword=geheim'
  for (const args of [[], ['--json'], ['--origin']]) {
    const { code, out, err } = await call(['config', 'show', ...args], { env, cwd })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('nats://me@one:4222,nats://…@two')
    expect(out).toContain('http.extraHeader=…')
    expect(out).not.toContain('geheim')
  }
})

test('inside a task flags alone count: what it works on may have brought a file along, a login shell variables', () => {
  projectFile('owner: [broken')
  const inside = { ...env, WRIT_SOCKET: '/s', WRIT_TOKEN: 't', WRIT_NATS_URL: 'nats://elsewhere', WRIT_OWNER: 'team' }
  expect(readSettings(new Map(), { env: inside, cwd })).toMatchObject({ owner: 'default', nats: null, files: [] })
  const flags = new Map([['natsUrl', ['nats://named']]])
  expect(readSettings(flags, { env: inside, cwd }).nats).toEqual({ url: 'nats://named', from: '--nats-url' })
})

test('a configuration file that is no file on a disk is refused, and not read: it may never end', async () => {
  execFileSync('mkfifo', [join(cwd, 'writ.yaml')])
  const { code, err } = await call(['config', 'show'], { env, cwd })
  expect(code).toBe(2)
  expect(err).toContain(`${join(cwd, 'writ.yaml')} is no file on a disk [BAD_INPUT]`)
})

test.runIf(process.getuid?.() === 0)('a file above that somebody else has put there is refused', async () => {
  const file = projectFile('natsUrl: nats://evil\n')
  chownSync(file, 4242, 4242)
  const { code, err } = await call(['config', 'show'], { env, cwd })
  expect(code).toBe(4)
  expect(err).toContain(`${file} belongs to another user [REFUSED]`)
})

test('names of settings, flags and variables are each used once in a command', () => {
  const variables = settings.flatMap(({ variable }) => (variable === null ? [] : [variable]))
  expect(new Set(variables).size).toBe(variables.length)
  expect(new Set(settings.map(({ flag }) => flag)).size).toBe(settings.length)
})
