/** A nats-server as it comes, without JetStream: connections are taken, and no stream can be made. */
import { spawn } from 'node:child_process'
import { findNats } from '../../src/embedded/find-nats.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { until } from '../../src/embedded/until.ts'
import { openConnection } from '../../src/bus/connection.ts'
import type { OwnNats } from './own-nats.ts'

const startWithinMs = 20_000

export const plainNats = async (): Promise<OwnNats> => {
  const port = await freePort(0)
  const { file } = findNats({ path: process.env['PATH'] })
  const child = spawn(file, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const url = `nats://127.0.0.1:${port}`
  const answers = (): Promise<true | undefined> =>
    openConnection({ url, name: 'test' }).then(
      (connection) => connection.close().then(() => true as const),
      () => undefined,
    )
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  if ((await until(answers, { withinMs: startWithinMs, everyMs: 50 })) === true) return { url, stop }
  await stop()
  throw new Error('the nats-server did not start')
}
