/** The daemon's session: says hello until a node answers, beats while it lives, and hears the orders meanwhile. */
import { beatMs as usualBeatMs } from '../protocol/limits.ts'
import type { Code } from '../protocol/errors.ts'
import { WritError } from '../protocol/errors.ts'
import type { Hello } from '../protocol/task.ts'
import type { DaemonClock } from './clock.ts'
import { pause, within } from './clock.ts'
import type { Home } from './home.ts'
import type { Log } from './log.ts'
import type { Orders, Wire } from './wire.ts'

/** Of a hello that would be refused the same way for ever. */
const hopeless: ReadonlySet<Code> = new Set<Code>(['BAD_INPUT', 'TOO_LARGE'])
const silence: ReadonlySet<Code> = new Set<Code>(['NO_ANSWER', 'UNREACHABLE', 'NOT_HOLDER'])
const [backoffMinMs, backoffMaxMs] = [200, 5000]
/** A bus that is out of reach does not keep a daemon from ending. */
const drainMs = 2000

export interface Session {
  id: () => string
  /** Resolves once a node has answered the first hello; rejects when it can never be taken as it is. */
  ready: Promise<void>
  /** Beats now: something changed that the registry should know. */
  beat: () => void
  /** Hears no more orders, says bye if it is to, and is over. */
  close: (how: { bye: boolean }) => Promise<void>
}

export interface SessionOptions {
  wire: Wire
  clock: DaemonClock
  home: Pick<Home, 'id' | 'session' | 'remember'>
  /** What the hello says, as it is at that moment. */
  describe: () => Omit<Hello, 'session' | 'home'>
  orders: Orders
  log: Log
}

export const openSession = ({ wire, clock, home, describe, orders, log }: SessionOptions): Session => {
  const closing = new AbortController()
  const closed = (): boolean => closing.signal.aborted
  const bell = openBell(clock)
  const beats = beatsIn(log)
  let id = home.session
  // Before the hello: an order may follow it at once.
  let listening = wire.listen(id, orders)
  let greeted = (): void => undefined
  let refused = (_: WritError): void => undefined
  const ready = new Promise<void>((done, fail) => {
    greeted = done
    refused = fail
  })
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined)

  const hello = async (): Promise<number> => {
    const reply = await wire.hello({ ...describe(), session: id, home: home.id })
    if (reply.session !== id) {
      const former = listening
      id = reply.session
      listening = wire.listen(id, orders)
      await home.remember(id)
      await former.drain()
    }
    greeted()
    log.info({ session: id }, 'the registry knows this daemon')
    return reply.beatMs > 0 ? reply.beatMs : usualBeatMs
  }
  const beatUntilUnknown = async (everyMs: number): Promise<void> => {
    for (let known = true; known;) {
      await bell.wait(everyMs, closing.signal)
      const { running, slots, draining } = describe()
      known = await wire.beat({ session: id, running, slots, draining }, everyMs).then(beats.answered, beats.missed)
    }
  }
  const live = async (): Promise<void> => {
    for (let waitMs = backoffMinMs; !closed();) {
      try {
        const everyMs = await hello()
        waitMs = backoffMinMs
        await beatUntilUnknown(everyMs)
      } catch (error) {
        if (closed()) return
        const final = whyNot(error, log)
        if (final !== null) return refused(final)
        await pause(clock, waitMs, closing.signal)
        waitMs = Math.min(backoffMaxMs, 2 * waitMs)
      }
    }
  }
  const living = live()
  return {
    id: () => id,
    ready,
    beat: bell.ring,
    close: async ({ bye }) => {
      closing.abort()
      // What is under way is not waited for: it may be a request that nobody answers.
      void living
      await within(clock, drainMs, listening.drain())
      if (bye)
        await wire.bye(id).catch((error: unknown) => log.debug({ error: String(error) }, 'the bye was not answered'))
    },
  }
}

/** Tells once that beats are not answered (while a server is away, or for good when this user was revoked), and once that they are again. */
const beatsIn = (log: Log) => {
  let heard = true
  return {
    answered: ({ known }: { known: boolean }): boolean => {
      if (!heard) log.info({}, 'a node answers again')
      heard = true
      return known
    },
    /** For all that is known the registry knows this daemon still. */
    missed: (error: unknown): boolean => {
      log[heard ? 'warn' : 'debug']({ error: String(error) }, 'no node has answered the beat')
      heard = false
      return true
    },
  }
}

/** Says why a hello was not taken, and gives back what would be refused the same way for ever. */
const whyNot = (error: unknown, log: Log): WritError | null => {
  const said = { error: String(error) }
  const answer = error instanceof WritError && !silence.has(error.code) ? error : null
  if (answer !== null && hopeless.has(answer.code)) {
    log.error(said, 'the registry cannot take this daemon')
    return answer
  }
  log.warn(said, answer === null ? 'no node has answered the hello' : 'the registry refuses this daemon')
  return null
}

/** A wait that a ring cuts short; a ring before it counts as well. */
const openBell = (clock: DaemonClock) => {
  let rung = false
  let cut = (): void => undefined
  return {
    ring: (): void => {
      rung = true
      cut()
    },
    wait: async (ms: number, signal: AbortSignal): Promise<void> => {
      const cutting = new AbortController()
      cut = () => cutting.abort()
      if (rung) cut()
      rung = false
      await pause(clock, ms, cutting.signal, signal)
      signal.throwIfAborted()
      rung = false
    },
  }
}
