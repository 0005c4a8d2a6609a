/** The way to a node when there is none, and the way of a task to its daemon. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { call, type CallOptions } from './call.ts'
import { directiveView } from './views.ts'

const home = mkdtempSync(join(tmpdir(), 'writ-reach-'))
afterAll(() => rmSync(home, { recursive: true }))

test('without a node the command ends with 3, says what it looked for, and what to do', async () => {
  const { code, out, err } = await call(['directive', 'list'], { env: { WRIT_HOME: home } })
  expect({ code, out }).toEqual({ code: 3, out: '' })
  expect(err).toBe(
    `error: no node runs here: nothing serves the data folder ${home}, and no NATS server was named [UNREACHABLE]\n` +
      'hint: start one with `writ up --daemon`, or name a server with --nats-url or WRIT_NATS_URL\n',
  )
})

test('a data folder or home that is no folder is named, and is no fault in Writ itself', async () => {
  const file = join(home, 'file')
  writeFileSync(file, '')
  for (const args of [['inbox'], ['up'], ['down'], ['daemon', 'run']]) {
    const { code, err } = await call(args, { env: { WRIT_HOME: file } })
    expect({ args, code }).toEqual({ args, code: 4 })
    expect(err).toMatch(
      /^error: files cannot be used here: \w+: .*'.*file'.* \[REFUSED\]\nhint: the data folder \(--data-dir, WRIT_HOME\)/,
    )
  }
})

test('a server that is named and does not answer is named, and who named it, without its password', async () => {
  const url = 'nats://me:geheim@127.0.0.1:9'
  const byEnvironment = await call(['directive', 'list'], { env: { WRIT_NATS_URL: url } })
  expect(byEnvironment.code).toBe(3)
  expect(byEnvironment.err).toMatch(
    /no NATS server can be reached at 127\.0\.0\.1:9 .*; the address is from WRIT_NATS_URL \[UNREACHABLE\]/,
  )
  const byFlag = await call(['directive', 'list', '--nats-url', url, '--json'], {
    env: { WRIT_NATS_URL: 'nats://elsewhere' },
  })
  expect(JSON.parse(byFlag.out)).toMatchObject({
    error: { code: 'UNREACHABLE', hint: 'start that server, or correct --nats-url' },
  })
  expect(byEnvironment.err + byFlag.out).not.toContain('geheim')
})

test('writ up looks at the NATS server that is named before it starts anything', async () => {
  const data = join(home, 'named')
  const { code, err } = await call(['up', '--nats-url', 'nats://127.0.0.1:9', '--data-dir', data])
  expect({ code, err }).toEqual({
    code: 3,
    err: expect.stringMatching(
      /127\.0\.0\.1:9 .*; the address is from --nats-url \[UNREACHABLE\]\nhint: start that server/,
    ),
  })
  expect(existsSync(join(data, 'postgres'))).toBe(false)
})

test('certificates that are named for the private server are refused: it has none', async () => {
  const { code, err } = await call(['up', '--nats-ca', '/nowhere/ca.pem', '--data-dir', join(home, 'private')])
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--nats-ca is for a NATS server of your own') })
  expect(existsSync(join(home, 'private', 'postgres'))).toBe(false)
})

test('writ up says that certificates of the environment are not used for the private server', async () => {
  const file = join(home, 'no-folder')
  writeFileSync(file, '')
  const { code, err } = await call(['up'], { env: { WRIT_HOME: file, WRIT_NATS_CA: '/nowhere/ca.pem' } })
  expect({ code, err }).toEqual({ code: 4, err: expect.stringMatching(/^WRIT_NATS_CA is not used: /) })
})

interface Asked {
  token: string
  verb: string
  body: { name?: string; offset?: number; total?: number; data?: string; plan?: string }
  contract?: string
}

let folder: string
let server: Server
let asked: Asked[]
let answer: (request: Asked) => object

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'writ-task-'))
  asked = []
  server = createServer((socket) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      if (!text.endsWith('\n')) return
      const request = JSON.parse(text) as Asked
      asked.push(request)
      socket.end(`${JSON.stringify(answer(request))}\n`)
    })
  })
  await new Promise<void>((done) => server.listen(join(folder, 's'), done))
})
afterEach(async () => {
  await new Promise((done) => server.close(done))
  rmSync(folder, { recursive: true })
})

const inside = (args: string[], more: CallOptions = {}) =>
  call(args, {
    ...more,
    cwd: folder,
    env: { WRIT_SOCKET: join(folder, 's'), WRIT_TOKEN: 'secret', WRIT_DIRECTIVE: 'hello', WRIT_HOME: home },
  })

test('inside a task the plan goes to its own directive, through the daemon', async () => {
  answer = () => ({ directive: { id: 'hello', address: '1.hello', status: 'active' } })
  writeFileSync(join(folder, 'plan.json'), '{"steps": []}')
  expect(await inside(['directive', 'plan', '--file', 'plan.json'])).toEqual({
    code: 0,
    out: 'hello\tactive\tplan accepted\n',
    err: '',
  })
  expect(asked).toEqual([{ token: 'secret', verb: 'plan', body: { plan: '{"steps": []}' } }])
})

test('inside a task its own directive is shown, and no other', async () => {
  const view = directiveView('hello')
  answer = () => view
  for (const named of [[], ['hello']]) {
    const { code, out } = await inside(['directive', 'show', ...named, '--json'])
    expect([code, JSON.parse(out)]).toEqual([0, JSON.parse(JSON.stringify(view))])
  }
  expect(asked).toEqual([1, 2].map(() => ({ token: 'secret', verb: 'get', body: {} })))
  expect(await inside(['directive', 'show', 'other'])).toMatchObject({ code: 4, out: '' })
  expect(await call(['directive', 'show'])).toMatchObject({ code: 2, out: '' })
})

test('a refusal of the daemon is told like any other', async () => {
  answer = () => ({
    error: { code: 'BAD_PLAN', message: 'the plan has 2 faults', faults: ['a: no task plan', 'b: no name'] },
  })
  writeFileSync(join(folder, 'plan.json'), '{}')
  expect(await inside(['directive', 'plan', '--file', 'plan.json'])).toEqual({
    code: 4,
    out: '',
    err: 'error: the plan has 2 faults [BAD_PLAN]\n  - a: no task plan\n  - b: no name\n',
  })
})

test('files of the contract go in chunks and come back whole', async () => {
  const bytes = Buffer.alloc(600_000, 'abcdefgh')
  const kept = Buffer.alloc(bytes.length)
  answer = ({ verb, body: { offset = 0, data = '' } }) => {
    if (verb === 'put') Buffer.from(data, 'base64').copy(kept, offset)
    return verb === 'put'
      ? { received: offset }
      : { data: kept.subarray(offset, offset + 250_000).toString('base64'), total: kept.length }
  }
  writeFileSync(join(folder, 'big'), bytes)
  expect((await inside(['contract', 'put', 'big', '--name', 'other'])).err).toBe('Put big as other, 600000 bytes.\n')
  expect(asked.map(({ body: { name, offset, total } }) => ({ name, offset, total }))).toEqual(
    [0, 262_144, 524_288].map((offset) => ({ name: 'other', offset, total: bytes.length })),
  )
  expect((await inside(['contract', 'file', 'other', '--output', 'back'])).code).toBe(0)
  expect(readFileSync(join(folder, 'back')).equals(bytes)).toBe(true)
  const { code, err } = await inside(['contract', 'file', 'other', '--output', 'no/back'])
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringMatching(/^error: .*\/no\/back cannot be written: ENOENT.* \[BAD_INPUT\]/),
  })
})

test('the content of a file goes byte by byte to a program, and without control characters to a terminal', async () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x1b, ...Buffer.from('[2J\u001b]0;title\u0007red\tä\nlast\r\n')])
  answer = () => ({ data: bytes.toString('base64'), total: bytes.length })
  const taken: Buffer[] = []
  expect((await inside(['contract', 'file', 'x'], { taken: (data) => void taken.push(data) })).code).toBe(0)
  expect(Buffer.concat(taken).equals(bytes)).toBe(true)
  expect((await inside(['contract', 'file', 'x'], { terminal: 80 })).out).toBe('\uFFFD\uFFFD red\tä\nlast \n')
})

test('a daemon that is gone ends the command with 3', async () => {
  answer = () => ({})
  const { code, err } = await call(['contract', 'files'], {
    env: { WRIT_SOCKET: join(folder, 'gone'), WRIT_TOKEN: 'secret' },
  })
  expect(code).toBe(3)
  expect(err).toMatch(/the daemon's socket .* does not answer \[UNREACHABLE\]/)
})
