/** A daemon as a process of its own (`writ daemon run`): until Ctrl-C, which ends it in order, or a second one, at once. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { daemonUser } from '../bus/permissions.ts'
import { type Daemon, runDaemon } from '../daemon/daemon.ts'
import { roles, type Role } from '../protocol/directive.ts'
import { WritError } from '../protocol/errors.ts'
import { cliPath } from './cli-path.ts'
import type { Settings } from './config.ts'
import type { Context } from './context.ts'
import { exits } from './failure.ts'
import { levelled } from './log-file.ts'
import { daemonsFolder } from './own-folders.ts'
import { Parts } from './parts.ts'
import { connectAs } from './reach.ts'
import { aborted, interrupted, Interrupted, interruptible } from './signals.ts'

export interface DaemonRunFlags {
  name?: string
  slots: number
  role?: string[]
  label?: Record<string, string>
  executor?: Record<string, readonly string[]>
  env?: string[]
  gitConfig?: string[]
  /** In GiB. */
  disk: number
  home?: string
}

/** Runs until it is interrupted or drained. Throws what connecting and starting throw. */
export const runHere = async (context: Context, flags: DaemonRunFlags): Promise<void> => {
  const parts = new Parts()
  const force = (): void => void parts.force().finally(() => process.exit(exits.interrupted))
  await interruptible(async (signal) => {
    try {
      const daemon = await Promise.race([serve(context, flags, parts, signal), interrupted(signal)])
      const drained = daemon.drained.then(
        () => signal.aborted || context.terminal.say('Drained: nothing runs any more.'),
      )
      const refused = new Promise<never>((_, fail) => void daemon.ready.catch(fail))
      await Promise.race([aborted(signal), drained, refused])
    } finally {
      if (signal.aborted) context.terminal.say('Stopping … (Ctrl-C again to force)')
      await parts.stop()
    }
  }, force)
}

const serve = async (context: Context, flags: DaemonRunFlags, parts: Parts, signal: AbortSignal): Promise<Daemon> => {
  const { terminal, json } = context
  const settings = context.settings()
  const { owner } = settings
  const name = flags.name ?? nameOfHost()
  const { slots, label = {}, executor = {}, env = [], gitConfig = [], disk } = flags
  const home = homeOf(settings, name, flags.home)
  const played = rolesFrom(flags.role)
  const log = levelled((line) => terminal.say(terminal.paintErr.dim(line)))
  const said = context.flags.verbose === true ? terminal.say : () => undefined
  const bus = await connectAs(settings, { user: daemonUser(owner, name), name: `daemon ${name}`, log: said })
  parts.add('connection', () => bus.close())
  if (signal.aborted) throw new Interrupted()
  const options = {
    bus,
    owner,
    name,
    slots,
    roles: played,
    labels: label,
    executors: executor,
    passEnvironment: env,
    gitConfig,
    diskBytesMax: disk * 1024 ** 3,
    cliPath: cliPath(),
    log,
  }
  const daemon = await runDaemon({ ...options, ...(home === undefined ? {} : { home }) })
  parts.add('daemon', (force) => daemon.stop(force))
  terminal.say(
    `Daemon ${name} for owner ${owner}: ${slots} ${slots === 1 ? 'slot' : 'slots'}, ${played.join(', ')}. Ctrl-C to stop.`,
  )
  if (json) terminal.json({ name, owner, slots, roles: played, pid: process.pid })
  daemon.ready.then(
    () => terminal.say('A node has answered: it takes tasks now.'),
    () => undefined,
  )
  return daemon
}

/** Daemons of two data folders may have one name: each has its home in its own. Undefined: the daemon's own choice. */
const homeOf = ({ dataDir, env }: Settings, name: string, flag: string | undefined): string | undefined => {
  if (flag !== undefined || env['WRIT_DAEMON_HOME'] || dataDir === undefined) return flag
  return resolve(dataDir, daemonsFolder, name)
}

const rolesFrom = (named: readonly string[] | undefined): readonly Role[] => {
  if (named === undefined) return roles
  const wrong = named.filter((name) => !roles.some((role) => role === name))
  if (wrong.length > 0) {
    throw new WritError('BAD_INPUT', `there is no role ${wrong.join(', ')}`, { hint: `roles are ${roles.join(', ')}` })
  }
  return roles.filter((role) => named.includes(role))
}

const nameOfHost = (): string =>
  hostname()
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60) || 'daemon'
