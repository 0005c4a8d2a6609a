/** A daemon as a process of its own (`writ daemon run`): until Ctrl-C, which ends it in order, or a second one, at once. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { daemonUser } from '../bus/permissions.ts'
import { type Daemon, runDaemon } from '../daemon/daemon.ts'
import { goOnUnheard } from './closed-output.ts'
import type { Settings } from './config.ts'
import type { Context } from './context.ts'
import { daemonOptions } from './daemon-options.ts'
import { exits } from './failure.ts'
import { levelled } from './log-file.ts'
import { daemonsFolder } from './own-folders.ts'
import { Parts } from './parts.ts'
import { connectAs } from './reach.ts'
import { aborted, interrupted, Interrupted, interruptible } from './signals.ts'

/** Runs until it is interrupted or drained. Throws what connecting and starting throw. */
export const runHere = async (context: Context): Promise<void> => {
  goOnUnheard()
  const parts = new Parts()
  const force = (): void => void parts.force().finally(() => process.exit(exits.interrupted))
  await interruptible(async (signal) => {
    try {
      const daemon = await Promise.race([serve(context, parts, signal), interrupted(signal)])
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

const serve = async (context: Context, parts: Parts, signal: AbortSignal): Promise<Daemon> => {
  const { terminal, json } = context
  const settings = context.settings()
  const { owner } = settings
  const name = settings.daemon.name ?? nameOfHost()
  const home = homeOf(settings, name)
  const { slots, roles } = settings.daemon
  const log = levelled((line) => terminal.say(terminal.paintErr.dim(line)))
  const said = context.flags.verbose === true ? terminal.say : () => undefined
  const bus = await connectAs(settings, { user: daemonUser(owner, name), name: `daemon ${name}`, log: said })
  parts.add('connection', () => bus.close())
  if (signal.aborted) throw new Interrupted()
  const options = { ...daemonOptions(settings.daemon), bus, owner, name, log }
  const daemon = await runDaemon({ ...options, ...(home === undefined ? {} : { home }) })
  parts.add('daemon', (force) => daemon.stop(force))
  terminal.say(
    `Daemon ${name} for owner ${owner}: ${slots} ${slots === 1 ? 'slot' : 'slots'}, ${roles.join(', ')}. Ctrl-C to stop.`,
  )
  if (json) terminal.json({ name, owner, slots, roles, pid: process.pid })
  daemon.ready.then(
    () => terminal.say('A node has answered: it takes tasks now.'),
    () => undefined,
  )
  return daemon
}

/** Daemons of two data folders may have one name: each has its home in its own. Undefined: the daemon's own choice. */
const homeOf = ({ dataDir, daemon }: Settings, name: string): string | undefined =>
  daemon.home ?? (dataDir === undefined ? undefined : join(dataDir, daemonsFolder, name))

const nameOfHost = (): string =>
  hostname()
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60) || 'daemon'
