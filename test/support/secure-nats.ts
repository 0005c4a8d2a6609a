/** A nats-server that speaks TLS alone, by TCP and by WebSocket, with a certificate made for it that nobody else knows. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNats } from '../../src/embedded/find-nats.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { until } from '../../src/embedded/until.ts'

export interface SecureNats {
  /** With credentials of a user who may do everything. */
  tls: string
  wss: string
  ca: string
  /** Ends it at once and starts it again on the same ports. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

const startWithinMs = 20_000

/** Null where there is no openssl. */
export const secureNats = async (): Promise<SecureNats | null> => {
  const folder = mkdtempSync(join(tmpdir(), 'writ-secure-'))
  const made = certificate(folder)
  if (made === null) return null
  const [port, webSocketPort] = [await freePort(0), await freePort(0)]
  const tls = { cert_file: made.cert, key_file: made.key }
  const config = {
    host: '127.0.0.1',
    port,
    tls,
    websocket: { host: '127.0.0.1', port: webSocketPort, tls },
    max_payload: 1024 * 1024,
    jetstream: { store_dir: join(folder, 'store') },
    authorization: { users: [{ user: 'writ', password: 'geheim' }] },
  }
  writeFileSync(join(folder, 'nats.conf'), JSON.stringify(config))
  const urls = {
    tls: `tls://writ:geheim@127.0.0.1:${port}`,
    wss: `wss://writ:geheim@127.0.0.1:${webSocketPort}`,
    ca: made.cert,
  }
  let running = await started(folder, urls)
  const end = async (): Promise<void> => {
    const ended = new Promise((resolve) => running.once('close', resolve))
    running.kill('SIGKILL')
    await ended
  }
  return {
    ...urls,
    restart: async () => {
      await end()
      running = await started(folder, urls)
    },
    stop: async () => {
      await end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves when both of its ports take connections. */
const started = async (folder: string, { tls, wss }: { tls: string; wss: string }): Promise<ChildProcess> => {
  const { file } = findNats({ path: process.env['PATH'] })
  const child = spawn(file, ['-c', join(folder, 'nats.conf')], { stdio: 'ignore' })
  const taken = async (): Promise<true | undefined> =>
    (await Promise.all([tls, wss].map((url) => takesConnections(Number(new URL(url).port))))).every(Boolean) ||
    undefined
  if ((await until(taken, { withinMs: startWithinMs, everyMs: 50 })) === true) return child
  child.kill('SIGKILL')
  throw new Error('the nats-server with TLS did not start')
}

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** For 127.0.0.1. */
const certificate = (folder: string): { key: string; cert: string } | null => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert]
  try {
    execFileSync('openssl', made, { stdio: 'ignore' })
    return { key, cert }
  } catch {
    return null
  }
}
