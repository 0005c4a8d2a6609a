/** What the settings say about a daemon, as the daemon takes it: the same for one of its own and for the one inside `up`. */
import type { DaemonOptions } from '../daemon/daemon.ts'
import { cliPath } from './cli-path.ts'
import type { Config } from './config-schema.ts'

const GiB = 1024 ** 3

export const daemonOptions = (daemon: Config['daemon']): Omit<DaemonOptions, 'bus' | 'owner' | 'name' | 'log'> => {
  const { slots, roles, labels, executors, env, gitConfig, disk } = daemon
  return {
    slots,
    roles,
    labels,
    executors,
    passEnvironment: env,
    gitConfig,
    diskBytesMax: disk * GiB,
    cliPath: cliPath(),
  }
}
