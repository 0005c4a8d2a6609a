/** The whole of Writ over TLS and WebSocket, as people configure it: by flags and variables of the built command. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, WritClient } from '../../src/index.ts'
import { skipAloud } from '../daemon/support.ts'
import { type SecureNats, secureNats } from '../support/secure-nats.ts'
import { environment, root, startWrit, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-over-tls-'))
let secure: SecureNats | null = null

beforeAll(async () => {
  secure = await secureNats()
}, 60_000)
afterAll(async () => {
  await secure?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** The command with the server in its environment. */
const withServer = async (url: string, ca: string, ...args: string[]): Promise<string> => {
  const env = { ...environment(), WRIT_NATS_URL: url, WRIT_NATS_CA: ca }
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: root,
    env,
  })
  return stdout
}

it('a node and its daemon over TLS, and a person over a WebSocket with TLS, bring a directive to its end', async ({
  skip,
}) => {
  if (secure === null) return skipAloud(skip, 'there is no openssl here: Writ over TLS is not tried')
  const { tls, wss, ca } = secure
  const data = ['--data-dir', join(folder, 'secure')]
  const up = startWrit('up', '--daemon', ...data, '--nats-url', tls, '--nats-ca', ca)
  try {
    await up.says('Ctrl-C')
    const said = await withServer(wss, ca, 'run', 'examples/hello/directive.yaml', '--id', 'far', '--json')
    expect(said).toContain('directive_completed')
    expect(await withServer(tls, ca, 'directive', 'list')).toContain('far')
    const login = JSON.parse(await withServer(wss, ca, 'env', '--json')) as object
    expect(login).toMatchObject({ NATS_URL: wss, NATS_CA: ca })
    expect(await withServer(tls, ca, 'doctor', ...data)).toContain('with JetStream')
    // By the endpoints of the running node, with the certificates named again.
    const answer = await writ('directive', 'wait', 'far', ...data, '--nats-ca', ca)
    expect(answer).toBe('far\tcompleted\n')
  } finally {
    up.process.kill('SIGTERM')
    await up.ended
    await writ('down', ...data)
  }
}, 120_000)

it('writ up --websocket says where its nats-server listens for browsers, who need a login all the same', async () => {
  const data = ['--data-dir', join(folder, 'open')]
  const up = startWrit('up', '--websocket', '--json', ...data)
  try {
    await up.says('"websocket"')
    const { nats, websocket } = JSON.parse(
      up
        .printed()
        .split('\n')
        .find((line) => line.startsWith('{')) ?? '',
    ) as {
      nats: string
      websocket: string
    }
    expect(new URL(websocket)).toMatchObject({ protocol: 'ws:', hostname: '127.0.0.1' })
    await expect(connect({ url: websocket, name: 'nobody' })).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    const bus = await connect({
      url: websocket.replace('//', `//${nats.split('//')[1]?.split('@')[0]}@`),
      name: 'page',
    })
    expect(await new WritClient(bus, 'default').listDirectives()).toEqual({ lines: [], next: null })
    await bus.close()
    const refused = startWrit('up', '--websocket', ...data, '--nats-url', nats)
    expect(await refused.ended).toBe(2)
    expect(refused.printed()).toContain('--websocket is for the private nats-server')
    const same = startWrit('up', '--websocket', 'no', ...data)
    expect(await same.ended).toBe(2)
    expect(same.printed()).toContain('1 to 65535')
  } finally {
    up.process.kill('SIGTERM')
    await up.ended
    await writ('down', ...data)
  }
}, 120_000)
