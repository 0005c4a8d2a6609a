/**
 * What every daemon has on its machine, whatever its tasks are made of: its home and its records, the logs of its attempts, and their
 * clean-up. How an attempt is run is brought by daemon.ts (processes) and task-handler.ts (a function).
 */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Role } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { chosenId, ownerName } from '../protocol/ids.ts'
import { cleanMs as cleanMsUsual, daemonDiskBytes, daemonSlotsMax } from '../protocol/limits.ts'
import type { Daemon, Shared as Assembled, Works } from './assembly.ts'
import { assemble } from './assembly.ts'
import type { Surroundings } from './attempt.ts'
import { attemptKey, openAttempts } from './attempts.ts'
import { realClock } from './clock.ts'
import { homeFolder, openHome } from './home.ts'
import type { Log } from './log.ts'
import { mendOutputLog } from './output-log.ts'
import { logFile, openOutputs, outputOf } from './outputs.ts'
import type { PruneOptions } from './prune.ts'
import { prune } from './prune.ts'
import { removeFolder } from './remove-folder.ts'
import type { RunningAttempts } from './running.ts'
import type { DaemonBus } from './wire.ts'

export type { Daemon } from './assembly.ts'

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

/** What is there before the first attempt. */
export type Shared = Assembled & Pick<Surroundings, 'home' | 'openOutput'>

/** How the attempts of one daemon are run. */
export interface Trade extends Pick<Works, 'run' | 'executors' | 'endFormer' | 'close'>, Pick<PruneOptions, 'clones'> {}

/** Starts a daemon. Throws BAD_INPUT for what its options name wrongly, LOCKED when another process uses its home. */
export const serve = async (
  options: ServingOptions & { log: Log },
  open: (shared: Shared) => Promise<Trade>,
): Promise<Daemon> => {
  checkOptions(options)
  const home = await openHome(homeFolder(options.name, options.home, process.env))
  try {
    const labels = { ...options.labels, host: hostLabel() }
    const ground = { ...options, labels, home, attempts: openAttempts(home.attempts), clock: realClock }
    return await assemble(ground, async (assembled) => {
      const openOutput: Shared['openOutput'] = (record, flows) => outputOf(record, { ...assembled, home }, flows)
      const shared = { ...assembled, home, openOutput }
      return worksOf(options, shared, await open(shared))
    })
  } catch (error) {
    home.release()
    throw error
  }
}

const worksOf = (options: ServingOptions, shared: Shared, trade: Trade): Works => {
  const { home, attempts } = shared
  return {
    ...trade,
    removePlans: (record) => removeFolder(join(home.plans, attemptKey(record))),
    endFormer: async (records) => {
      await trade.endFormer(records)
      for (const record of records) record.output ??= mendOutputLog(logFile(home.logs, record))
    },
    outputs: (running) => openOutputs(running, attempts, home.logs),
    keep: (running) => startKeeping(options, shared, trade, running),
    close: async () => {
      await trade.close()
      home.release()
    },
  }
}

/** At once, when nothing runs yet, and then every so often. */
const startKeeping = async (
  { cleanMs = cleanMsUsual, diskBytesMax = daemonDiskBytes }: ServingOptions,
  { home, attempts, log }: Shared,
  { clones }: Trade,
  running: RunningAttempts,
): Promise<{ now: () => void; stop: () => void }> => {
  const clean = (isFirst: boolean): Promise<void> =>
    prune({ home, attempts, clones, open: running.records, diskBytesMax, isFirst, log }).catch((error: unknown) =>
      log.warn({ error: String(error) }, 'the clean-up did not come to its end'),
    )
  // A fault of its own ends the process without a word: nothing is to run on until the next start.
  process.once('exit', running.killAll)
  await clean(true)
  let cleaning: Promise<void> | null = null
  const now = (): void => {
    cleaning ??= clean(false).finally(() => {
      cleaning = null
    })
  }
  const timer = setInterval(now, cleanMs)
  timer.unref()
  const stop = (): void => {
    process.off('exit', running.killAll)
    clearInterval(timer)
  }
  return { now, stop }
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

/** The host's name as a label's value may be. */
const hostLabel = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'localhost'
