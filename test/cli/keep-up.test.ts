/** A private server that is kept up, with a server that the test starts and ends by hand. */
import { expect, test } from 'vitest'
import { keepUp, type Kept } from '../../src/cli/keep-up.ts'
import type { Exit, Server } from '../../src/embedded/server.ts'
import { Waiting } from '../support/waiting.ts'

interface Begun {
  before: Server | null
  /** Lets this start succeed. */
  succeed: () => Server
  fail: (message: string) => void
  /** The server dies by itself. */
  die: () => void
}

/** Starts that wait for the test's word, and the numbers of the servers that run. */
class Bench {
  readonly begun: Begun[] = []
  readonly running = new Set<number>()
  readonly said: string[] = []
  readonly #waiting = new Waiting()

  readonly start = (before: Server | null): Promise<Server> =>
    new Promise((resolve, reject) => {
      const number = this.begun.length
      let end = (_: Exit): void => undefined
      const exited = new Promise<Exit>((done) => (end = done))
      const gone = (signal: NodeJS.Signals): void => {
        this.running.delete(number)
        end({ code: null, signal })
      }
      const stop = async (force = false): Promise<void> => gone(force ? 'SIGKILL' : 'SIGINT')
      const facts = { name: 'Postgres', version: '1', source: 'system', url: '', data: '', adopted: false } as const
      const succeed = (): Server => {
        this.running.add(number)
        const server = { ...facts, port: 1, pid: number, startedInMs: 0, exited, stop }
        resolve(server)
        return server
      }
      const fail = (message: string): void => reject(new Error(message))
      this.begun.push({ before, succeed, fail, die: () => gone('SIGSEGV') })
      this.#waiting.look()
    })

  readonly say = (line: string): void => {
    this.said.push(line)
    this.#waiting.look()
  }

  /** The start of this number, once it is asked for. */
  nth(number: number): Promise<Begun> {
    return this.#waiting.until(
      () => this.begun[number],
      () => `start ${number}`,
    )
  }

  async keep(lost = (): Error | undefined => undefined): Promise<Kept<Server>> {
    const kept = keepUp(this.start, this.say, lost)
    const first = await this.nth(0)
    first.succeed()
    return kept
  }
}

test('a server that dies is started again, where it was, as often as that takes', async () => {
  const bench = new Bench()
  const kept = await bench.keep()
  const first = kept.current()
  bench.begun[0]?.die()
  const second = await bench.nth(1)
  expect(second.before).toBe(first)
  second.fail('no room')
  const third = await bench.nth(2)
  third.fail('no room')
  const fourth = await bench.nth(3)
  const server = fourth.succeed()
  await expect.poll(() => kept.current()).toBe(server)
  expect(bench.said).toEqual([
    'Postgres ended by itself (SIGSEGV): starting it again',
    'Postgres does not start: no room',
    'Postgres is up again',
  ])
  await kept.stop(false)
  expect([...bench.running]).toEqual([])
})

test.each([false, true])(
  'told to stop (by force: %s) while another is started in its place, it ends that one',
  async (force) => {
    const bench = new Bench()
    const kept = await bench.keep()
    bench.begun[0]?.die()
    const second = await bench.nth(1)
    const stopped = kept.stop(force)
    const again = kept.stop(true)
    second.succeed()
    await Promise.all([stopped, again])
    expect([...bench.running]).toEqual([])
    expect(bench.begun).toHaveLength(2)
  },
)

test('who needs it to run waits while it is started again', async () => {
  const bench = new Bench()
  const kept = await bench.keep()
  const first = kept.current()
  expect(await kept.running()).toBe(first)
  bench.begun[0]?.die()
  const second = await bench.nth(1)
  const running = kept.running()
  expect(kept.current()).toBe(first)
  const server = second.succeed()
  expect(await running).toBe(server)
  await kept.stop(false)
})

test('told to stop between two tries, it tries no more', async () => {
  const bench = new Bench()
  const kept = await bench.keep()
  bench.begun[0]?.die()
  const second = await bench.nth(1)
  second.fail('no room')
  await kept.stop(false)
  expect(bench.begun).toHaveLength(2)
})

test('it is tried again until there is nothing left to start it on, which is told to who runs it', async () => {
  const bench = new Bench()
  let why: Error | undefined
  const kept = await bench.keep(() => why)
  bench.begun[0]?.die()
  const second = await bench.nth(1)
  why = new Error('the folder is gone')
  second.fail('no room')
  await expect(kept.failed).rejects.toBe(why)
  await kept.stop(false)
  expect([bench.begun.length, [...bench.running]]).toEqual([2, []])
})

test('one that is stopped is not started again, and what the first start throws is thrown', async () => {
  const bench = new Bench()
  const kept = await bench.keep()
  await kept.stop(false)
  expect([[...bench.running], bench.begun.length, bench.said]).toEqual([[], 1, []])
  const failing = keepUp(bench.start, bench.say, () => undefined)
  const first = await bench.nth(1)
  first.fail('no program')
  await expect(failing).rejects.toThrow('no program')
})
