/**
 * What every daemon does, whatever its tasks are made of: its home and its records, its session, the orders that come to it,
 * reports until their receipts, drain and the end. How an attempt is run is brought by daemon.ts (processes) and task-handler.ts (a function).
 */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { chosenId, ownerName } from '../protocol/ids.ts'
import { cleanMs as cleanMsUsual, daemonDiskBytes, daemonSlotsMax } from '../protocol/limits.ts'
import type { Surroundings } from './attempt.ts'
import type { AttemptRecord } from './attempts.ts'
import { openAttempts } from './attempts.ts'
import type { Home } from './home.ts'
import { homeFolder, openHome } from './home.ts'
import type { Log } from './log.ts'
import { openOrders } from './orders.ts'
import { mendOutputLog } from './output-log.ts'
import { logFile, openOutputs } from './outputs.ts'
import type { PruneOptions } from './prune.ts'
import { prune } from './prune.ts'
import { openReports } from './reports.ts'
import type { RunningAttempts, RunningOptions } from './running.ts'
import { openRunning } from './running.ts'
import { openSession } from './session.ts'
import type { DaemonBus } from './wire.ts'
import { openWire } from './wire.ts'

/** What every daemon is told. */
export interface ServingOptions {
  /** Whose user is the daemon's own, where the server has users (`writ env --daemon NAME`). */
  bus: DaemonBus
  owner: string
  /** Of its own among the owner's daemons. */
  name: string
  /** How many attempts it runs at once; 0 to 1000. */
  slots: number
  roles: readonly Role[]
  /** Beside `host`, which every daemon has. */
  labels?: Readonly<Record<string, string>>
  /** Its folder; else WRIT_DAEMON_HOME, else below the user's data folder. */
  home?: string
  /** For workspaces, logs and clone caches together. */
  diskBytesMax?: number
  /** How often it looks for what is to be cleaned up, in ms. */
  cleanMs?: number
}

export interface Daemon {
  /** Resolves once a node has answered its hello; rejects with BAD_INPUT or TOO_LARGE when what it says of itself is refused. */
  ready: Promise<void>
  /** Takes nothing new; `drained` resolves when what runs has ended and was reported. */
  drain: () => void
  drained: Promise<void>
  /** Ends what runs (with `force` at once), reports it as far as somebody answers, and says bye. May be called again with `force`. */
  stop: (force?: boolean) => Promise<void>
}

/** What is there before the first attempt. */
export type Shared = Pick<Surroundings, 'home' | 'attempts' | 'wire' | 'reports' | 'log'>

/** How the attempts of one daemon are run. */
export interface Trade extends Pick<PruneOptions, 'clones'> {
  run: RunningOptions['run']
  /** What tasks may ask for by name. */
  executors: readonly string[]
  /** Ends what still runs of a former process's attempts. */
  endFormer: (records: readonly AttemptRecord[]) => Promise<void>
  close: () => Promise<void>
}

/** How long a stop waits for receipts, in ms. What has none by then is reported at the next start. */
const [stopMs, forcedStopMs] = [5000, 500]

/** Starts a daemon. Throws BAD_INPUT for what its options name wrongly, LOCKED when another process uses its home. */
export const serve = async (
  options: ServingOptions & { log: Log },
  open: (shared: Shared) => Promise<Trade>,
): Promise<Daemon> => {
  checkOptions(options)
  const home = await openHome(homeFolder(options.name, options.home, process.env))
  try {
    return await assemble(options, home, open)
  } catch (error) {
    home.release()
    throw error
  }
}

const assemble = async (
  options: ServingOptions & { log: Log },
  home: Home,
  open: (shared: Shared) => Promise<Trade>,
): Promise<Daemon> => {
  const { bus, owner, name, slots, log } = options
  const wire = openWire(bus, owner, name)
  const stopping = new AbortController()
  const reports = openReports(wire, log, stopping.signal)
  const shared = { home, attempts: openAttempts(home.attempts), wire, reports, log }
  const trade = await open(shared)
  const drainage = openDrainage()
  const changed = (): void => {
    session.beat()
    drainage.look(running.names().length)
  }
  const running = openRunning({ ...shared, run: trade.run }, changed, () => cleaning.now())
  const drain = (): void => {
    drainage.begin()
    changed()
  }
  const orders = openOrders({
    owner,
    slots,
    session: () => session.id(),
    attempts: shared.attempts,
    running,
    draining: drainage.begun,
    drain,
    output: openOutputs(running, shared.attempts, home.logs),
  })
  const describe = () => ({ ...capabilities(options, trade), running: running.names(), draining: drainage.begun() })
  const lost = await takeUp(shared, trade)
  const cleaning = await startCleaning(options, shared, trade, running)
  const session = openSession({ wire, home, describe, orders, log })
  for (const record of lost) running.resume(record)
  // A fault of its own ends the process without a word: nothing is to run on until the next start.
  process.once('exit', running.killAll)
  const close = once(async () => {
    process.off('exit', running.killAll)
    cleaning.stop()
    await session.close()
    await trade.close()
    home.release()
  })
  return {
    ready: session.ready,
    drain,
    drained: drainage.done,
    stop: async (force = false) => {
      drain()
      await running.endAll(force)
      await giveUp(running, force)
      stopping.abort()
      await close()
    },
  }
}

/** At once, when nothing runs yet, and then every so often. */
const startCleaning = async (
  { cleanMs = cleanMsUsual, diskBytesMax = daemonDiskBytes }: ServingOptions,
  { home, attempts, log }: Shared,
  { clones }: Trade,
  running: RunningAttempts,
): Promise<{ now: () => void; stop: () => void }> => {
  const clean = (isFirst: boolean): Promise<void> =>
    prune({ home, attempts, clones, open: running.records, diskBytesMax, isFirst, log }).catch((error: unknown) =>
      log.warn({ error: String(error) }, 'the clean-up did not come to its end'),
    )
  await clean(true)
  let cleaning: Promise<void> | null = null
  const now = (): void => {
    cleaning ??= clean(false).finally(() => {
      cleaning = null
    })
  }
  const timer = setInterval(now, cleanMs)
  timer.unref()
  return { now, stop: () => clearInterval(timer) }
}

const checkOptions = ({ owner, name, slots, roles }: ServingOptions): void => {
  ownerName(owner)
  chosenId("the daemon's name", name)
  if (!Number.isInteger(slots) || slots < 0 || slots > daemonSlotsMax) {
    throw new WritError('BAD_INPUT', `${slots} is not a number of slots`, { hint: `0 to ${daemonSlotsMax}` })
  }
  if (roles.length === 0)
    throw new WritError('BAD_INPUT', 'a daemon needs a role', { hint: 'planner, worker, evaluator, merger' })
}

const capabilities = ({ slots, roles, labels }: ServingOptions, { executors }: Trade) => ({
  slots,
  roles: [...roles],
  executors: [...executors],
  labels: { ...labels, host: hostLabel() },
})

/** The host's name as a label's value may be. */
const hostLabel = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'localhost'

/** The predecessor's attempts; what still ran of them is ended first, so that nothing runs twice. */
const takeUp = async ({ attempts, home, log }: Shared, { endFormer }: Trade): Promise<AttemptRecord[]> => {
  const { records, damaged } = await attempts.open()
  for (const file of damaged) log.error({ file }, 'the record of an attempt cannot be read; it was moved aside')
  await endFormer(records)
  for (const record of records) record.output ??= mendOutputLog(logFile(home.logs, record))
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

const giveUp = async (running: RunningAttempts, force: boolean): Promise<void> => {
  const late = new AbortController()
  await Promise.race([
    running.delivered(),
    sleep(force ? forcedStopMs : stopMs, undefined, { signal: late.signal }).catch(() => undefined),
  ])
  late.abort()
}

const once = (act: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | null = null
  return () => (done ??= act())
}
