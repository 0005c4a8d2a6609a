/**
 * A daemon put together: its wire and session, the orders that come to it, its attempts and their reports until the receipts,
 * drain and the end. Where it keeps its records, what time it is and how an attempt is run is given: by serving.ts, and by the simulator.
 */
import type { Role } from '../protocol/directive.ts'
import { daemonLeaseMs } from '../protocol/limits.ts'
import type { Surroundings } from './attempt.ts'
import type { AttemptRecord, Attempts } from './attempts.ts'
import type { DaemonClock } from './clock.ts'
import { within } from './clock.ts'
import type { Home } from './home.ts'
import type { Log } from './log.ts'
import type { OrdersOptions } from './orders.ts'
import { openOrders } from './orders.ts'
import { openReports } from './reports.ts'
import type { RunningAttempts, RunningOptions } from './running.ts'
import { openRunning } from './running.ts'
import { openSession } from './session.ts'
import type { DaemonBus } from './wire.ts'
import { openWire } from './wire.ts'

export interface Daemon {
  /** Resolves once a node has answered its hello; rejects with BAD_INPUT or TOO_LARGE when what it says of itself is refused. */
  ready: Promise<void>
  /** Takes nothing new; `drained` resolves when what runs has ended and was reported. */
  drain: () => void
  drained: Promise<void>
  /**
   * Ends what runs (with `force` at once), reports it as far as somebody answers, and says bye, unless something is left to report. May be
   * called again with `force`.
   */
  stop: (force?: boolean) => Promise<void>
}

/** What a daemon is, and what it stands on. */
export interface Ground {
  bus: DaemonBus
  owner: string
  name: string
  slots: number
  roles: readonly Role[]
  labels: Readonly<Record<string, string>>
  clock: DaemonClock
  log: Log
  home: Pick<Home, 'id' | 'session' | 'remember'>
  attempts: Attempts
}

/** What is there before the first attempt. */
export type Shared = Pick<Surroundings, 'attempts' | 'wire' | 'reports' | 'log' | 'clock'>

/** How the attempts of one daemon are run, and what else is theirs. */
export interface Works extends Pick<RunningOptions, 'run' | 'removePlans'> {
  /** What tasks may ask for by name. */
  executors: readonly string[]
  /** Ends what still runs of a former process's attempts, and sees to what they have written. */
  endFormer: (records: readonly AttemptRecord[]) => Promise<void>
  /** What an attempt wrote. */
  outputs: (running: RunningAttempts) => OrdersOptions['output']
  /** Begins to look after what is kept. `now`: room is wanted. */
  keep: (running: RunningAttempts) => Promise<{ now: () => void; stop: () => void }>
  close: () => Promise<void>
}

/** How long a stop waits for receipts, in ms: as long as it takes until a node that has died is replaced. */
const [stopMs, forcedStopMs] = [15_000, 500]

const unreported = 'some outcomes are not reported: they count if this daemon is started again before its lease is over'

export const assemble = async (ground: Ground, open: (shared: Shared) => Promise<Works>): Promise<Daemon> => {
  const { bus, owner, name, slots, clock, log, home, attempts } = ground
  const wire = openWire(bus, owner, name)
  const stopping = new AbortController()
  const reports = openReports(wire, clock, log, stopping.signal)
  const shared = { attempts, wire, reports, log, clock }
  const works = await open(shared)
  const drainage = openDrainage()
  const changed = (): void => {
    session.beat()
    look()
  }
  const look = (): void => drainage.look(running.names().length + accepting())
  const running = openRunning({ ...shared, ...works }, changed, () => keeping.now())
  const drain = (): void => {
    drainage.begin()
    changed()
  }
  const { orders, accepting, settled } = openOrders({
    owner,
    slots,
    session: () => session.id(),
    attempts,
    clock,
    running,
    draining: drainage.begun,
    drain,
    over: look,
    output: works.outputs(running),
  })
  const describe = () => ({ ...capabilities(ground, works), running: running.names(), draining: drainage.begun() })
  const lost = await takeUp(shared, works)
  const keeping = await works.keep(running)
  // Before the hello, which names them: what a daemon comes back without is taken for lost. It beats for them only later.
  for (const record of lost) running.resume(record)
  const session = openSession({ wire, clock, home, describe, orders, log })
  /** What has no receipt yet would be lost with the bye: whoever starts again before its lease is over reports it. */
  const close = once(async () => {
    keeping.stop()
    const left = running.records().filter(({ receipt }) => receipt === null)
    if (left.length > 0) log.warn({ left: left.length, leaseMs: daemonLeaseMs }, unreported)
    await session.close({ bye: left.length === 0 })
    await works.close()
  })
  return {
    ready: session.ready,
    drain,
    drained: drainage.done,
    stop: async (force = false) => {
      drain()
      // What is just being accepted runs in a moment, and is to be ended with the rest.
      await settled()
      await running.endAll(force)
      await within(clock, force ? forcedStopMs : stopMs, running.delivered())
      stopping.abort()
      await close()
    },
  }
}

const capabilities = ({ slots, roles, labels }: Ground, { executors }: Works) => ({
  slots,
  roles: [...roles],
  executors: [...executors],
  labels,
})

/** The predecessor's attempts; what still ran of them is ended first, so that nothing runs twice. */
const takeUp = async ({ attempts, log }: Shared, { endFormer }: Works): Promise<AttemptRecord[]> => {
  const { records, damaged } = await attempts.open()
  for (const file of damaged) log.error({ file }, 'the record of an attempt cannot be read; it was moved aside')
  await endFormer(records)
  if (records.length > 0) log.info({ count: records.length }, 'attempts of the former process are taken up')
  return records
}

const openDrainage = () => {
  let begun = false
  let tell = (): void => undefined
  const done = new Promise<void>((resolve) => {
    tell = resolve
  })
  return {
    begun: () => begun,
    begin: () => {
      begun = true
    },
    look: (open: number) => {
      if (begun && open === 0) tell()
    },
    done,
  }
}

const once = (act: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | null = null
  return () => (done ??= act())
}
