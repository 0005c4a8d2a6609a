/**
 * A daemon: takes tasks from a bus, runs them as processes on this machine and reports what became of them. It is put
 * together here; whoever starts it brings the bus.
 */
import { access, constants } from 'node:fs/promises'
import type { Surroundings } from './attempt.ts'
import { runAttempt } from './attempt.ts'
import { openClones } from './clone.ts'
import { environmentFor } from './environment.ts'
import type { DeclaredExecutors } from './executors/choice.ts'
import { chooseFrom } from './executors/choice.ts'
import { openFamilies } from './family.ts'
import { endFormer } from './former.ts'
import { openGit } from './git.ts'
import { writeLauncher } from './launcher.ts'
import type { Log } from './log.ts'
import type { Daemon, ServingOptions, Shared } from './serving.ts'
import { serve } from './serving.ts'
import { openSocket } from './socket.ts'

export type { Daemon } from './serving.ts'

export interface DaemonOptions extends ServingOptions {
  /** Executors of its own beside `shell`, `command` and `checks`. */
  executors?: DeclaredExecutors
  /** The main file of the `writ` command, for the PATH of tasks. */
  cliPath?: string
  /** Names of variables that tasks see beside the usual ones. */
  passEnvironment?: readonly string[]
  /** Settings for git, `key=value`: a credential helper, say. */
  gitConfig?: readonly string[]
  log: Log
}

/** Starts a daemon. Throws BAD_INPUT for what its options name wrongly, LOCKED when another process uses its home. */
export const runDaemon = (options: DaemonOptions): Promise<Daemon> =>
  serve(options, async (shared) => {
    const around = await surroundings(options, shared)
    return {
      run: (record, spawn) => runAttempt(record, spawn, around),
      executors: around.choice.names,
      clones: around.clones,
      endFormer: async (records) => void (await endFormer(records, shared.home.id)),
      close: () => around.socket.close(),
    }
  })

const surroundings = async (options: DaemonOptions, shared: Shared): Promise<Surroundings> => {
  const { home, wire } = shared
  writeLauncher(home.bin, options.cliPath)
  return {
    ...shared,
    clones: openClones(home.repos, openGit(process.env, options.gitConfig ?? [], home.id)),
    choice: chooseFrom(options.executors ?? {}),
    socket: await openSocket(wire, home.id, process.env),
    families: openFamilies(),
    environment: environmentFor(process.env, options.passEnvironment ?? []),
    shell: await shellOf(),
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
