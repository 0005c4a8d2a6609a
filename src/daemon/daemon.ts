/**
 * A daemon: takes tasks from a bus, runs them as processes on this machine and reports what became of them. It is put
 * together here; whoever starts it brings the bus.
 */
import { access, constants } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { chosenId, ownerName } from '../protocol/ids.ts'
import { cleanMs as cleanMsUsual, daemonDiskBytes, daemonSlotsMax } from '../protocol/limits.ts'
import type { Surroundings } from './attempt.ts'
import { openAttempts } from './attempts.ts'
import { openClones } from './clone.ts'
import { environmentFor } from './environment.ts'
import type { DeclaredExecutors } from './executors/choice.ts'
import { chooseFrom } from './executors/choice.ts'
import { gitMark, openGit } from './git.ts'
import type { Home } from './home.ts'
import { homeFolder, openHome } from './home.ts'
import { writeLauncher } from './launcher.ts'
import type { Log } from './log.ts'
import { openOrders } from './orders.ts'
import { logFile, openOutputs } from './outputs.ts'
import { mendOutputLog } from './output-log.ts'
import { endGroup } from './process-group.ts'
import { prune } from './prune.ts'
import { openReports } from './reports.ts'
import type { RunningAttempts } from './running.ts'
import { openRunning } from './running.ts'
import { openSession } from './session.ts'
import { openSocket } from './socket.ts'
import type { DaemonBus } from './wire.ts'
import { openWire } from './wire.ts'
import { endStrays, tokenMark } from './strays.ts'

export interface DaemonOptions {
  bus: DaemonBus
  owner: string
  name: string
  slots: number
  roles: readonly Role[]
  /** Beside `host`, which every daemon has. */
  labels?: Readonly<Record<string, string>>
  /** Executors of its own beside `shell`, `command` and `checks`. */
  executors?: DeclaredExecutors
  /** Its folder; else WRIT_DAEMON_HOME, else below the user's data folder. */
  home?: string
  /** The main file of the `writ` command, for the PATH of tasks. */
  cliPath?: string
  /** Names of variables that tasks see beside the usual ones. */
  passEnvironment?: readonly string[]
  /** Settings for git, `key=value`: a credential helper, say. */
  gitConfig?: readonly string[]
  /** For workspaces, logs and clone caches together. */
  diskBytesMax?: number
  /** How often it looks for what is to be cleaned up, in ms. */
  cleanMs?: number
  log: Log
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

/** How long a stop waits for receipts, in ms. What has none by then is reported at the next start. */
const [stopMs, forcedStopMs] = [5000, 500]

/** Starts a daemon. Throws BAD_INPUT for what its options name wrongly, LOCKED when another process uses its home. */
export const runDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  checkOptions(options)
  const home = await openHome(homeFolder(options.name, options.home, process.env))
  try {
    return await assemble(options, home)
  } catch (error) {
    home.release()
    throw error
  }
}

const assemble = async (options: DaemonOptions, home: Home): Promise<Daemon> => {
  const { bus, owner, name, slots, log } = options
  const wire = openWire(bus, owner, name)
  const stopping = new AbortController()
  const around = await surroundings(options, home, wire, stopping.signal)
  const drainage = openDrainage()
  const changed = (): void => {
    session.beat()
    drainage.look(running.names().length)
  }
  const running = openRunning(around, changed, () => cleaning.now())
  const drain = (): void => {
    drainage.begin()
    changed()
  }
  const orders = openOrders({
    owner,
    slots,
    session: () => session.id(),
    attempts: around.attempts,
    running,
    draining: drainage.begun,
    drain,
    output: openOutputs(running, around.attempts, home.logs),
  })
  const describe = () => ({ ...capabilities(options, around), running: running.names(), draining: drainage.begun() })
  const lost = await takeUp(around)
  const cleaning = await startCleaning(options, around, running)
  const session = openSession({ wire, home, describe, orders, log })
  for (const record of lost) running.resume(record)
  // A fault of its own ends the process without a word: nothing is to run on until the next start.
  process.once('exit', running.killAll)
  const close = once(async () => {
    process.off('exit', running.killAll)
    cleaning.stop()
    await session.close()
    await around.socket.close()
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
  { cleanMs = cleanMsUsual, diskBytesMax = daemonDiskBytes }: DaemonOptions,
  { home, attempts, clones, log }: Surroundings,
  running: RunningAttempts,
): Promise<{ now: () => void; stop: () => void }> => {
  const clean = (): Promise<void> =>
    prune({ home, attempts, clones, open: running.records, diskBytesMax, log }).catch((error: unknown) =>
      log.warn({ error: String(error) }, 'the clean-up did not come to its end'),
    )
  await clean()
  let cleaning: Promise<void> | null = null
  const now = (): void => {
    cleaning ??= clean().finally(() => {
      cleaning = null
    })
  }
  const timer = setInterval(now, cleanMs)
  timer.unref()
  return { now, stop: () => clearInterval(timer) }
}

const checkOptions = ({ owner, name, slots, roles }: DaemonOptions): void => {
  ownerName(owner)
  chosenId("the daemon's name", name)
  if (!Number.isInteger(slots) || slots < 0 || slots > daemonSlotsMax) {
    throw new WritError('BAD_INPUT', `${slots} is not a number of slots`, { hint: `0 to ${daemonSlotsMax}` })
  }
  if (roles.length === 0)
    throw new WritError('BAD_INPUT', 'a daemon needs a role', { hint: 'planner, worker, evaluator, merger' })
}

const surroundings = async (
  options: DaemonOptions,
  home: Home,
  wire: Surroundings['wire'],
  stopped: AbortSignal,
): Promise<Surroundings> => {
  writeLauncher(home.bin, options.cliPath)
  return {
    home,
    attempts: openAttempts(home.attempts),
    clones: openClones(home.repos, openGit(process.env, options.gitConfig ?? [], home.id)),
    choice: chooseFrom(options.executors ?? {}),
    wire,
    reports: openReports(wire, options.log, stopped),
    socket: await openSocket(wire, home.id, process.env),
    environment: environmentFor(process.env, options.passEnvironment ?? []),
    shell: await shellOf(),
    log: options.log,
  }
}

const shellOf = async (): Promise<string> => {
  for (const shell of ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash']) {
    if (
      await access(shell, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return shell
  }
  return '/bin/sh'
}

const capabilities = ({ slots, roles, labels }: DaemonOptions, { choice }: Surroundings) => ({
  slots,
  roles: [...roles],
  executors: [...choice.names],
  labels: { ...labels, host: hostLabel() },
})

/** The host's name as a label's value may be. */
const hostLabel = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'localhost'

/** The predecessor's attempts; what still ran of them is ended first, so that nothing runs twice. */
const takeUp = async ({ attempts, home, log }: Surroundings) => {
  const { records, damaged } = await attempts.open()
  for (const file of damaged) log.error({ file }, 'the record of an attempt cannot be read; it was moved aside')
  await Promise.all(records.flatMap(({ group }) => (group === null ? [] : [endGroup(group)])))
  const tokens = records.flatMap(({ token }) => (token === null ? [] : [tokenMark(token)]))
  await endStrays([gitMark(home.id), ...tokens])
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
