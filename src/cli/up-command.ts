/** What `writ up` does around the servers: says what runs where, serves until Ctrl-C, and stops in order. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wipe } from '../embedded/down.ts'
import { folderToServe, foundFolder } from '../embedded/folders.ts'
import { banner } from './banner.ts'
import type { Settings } from './config.ts'
import { placeOf } from './config-schema.ts'
import { goOnUnheard } from './closed-output.ts'
import type { Context } from './context.ts'
import { removeOwn } from './daemon-left.ts'
import { exits } from './failure.ts'
import { refuseInsideTask } from './inside-task.ts'
import { retentionOf } from './kept.ts'
import { Parts } from './parts.ts'
import { refuseCa, unusedCa } from './reach.ts'
import { aborted, interruptible, Interrupted } from './signals.ts'
import { startJoined } from './up-join.ts'
import { startUp, type Running, type UpOptions } from './up.ts'
import { WritError } from '../protocol/errors.ts'
import { version } from '../protocol/version.ts'

export interface UpFlags {
  daemon?: boolean
  join?: boolean
  /** A port; true: any free one. */
  websocket?: number | true
  ephemeral?: boolean
}

const msPerSecond = 1000

/** Serves until it is interrupted. */
export const serve = async (context: Context, flags: UpFlags): Promise<void> => {
  const { json, terminal } = context
  const settings = context.settings()
  const { dataDir, env, daemon: run } = settings
  const ephemeral = flags.ephemeral === true
  const joined = flags.join === true
  if (!ephemeral) refuseInsideTask(settings)
  if (!joined && settings.nats === null) {
    refuseCa(settings)
    const unused = unusedCa(settings)
    if (unused !== null) terminal.say(unused)
  }
  const start = joined ? startJoined : startUp
  const daemon = flags.daemon === true ? { ...run, name: 'local' } : null
  const options = { ...upOptions(context, flags.websocket), daemon, start }
  const choice = { dataDir: ephemeral ? mkdtempSync(join(tmpdir(), 'writ-')) : dataDir, env }
  // One that joins makes its folder itself, once there is something to join.
  const folders = joined ? foundFolder(choice) : folderToServe(choice)
  const tidy = ephemeral ? () => wipe(folders, () => removeOwn(folders)) : undefined
  await whileUp(context, { ...options, folders, tidy }, async (running, signal) => {
    if (json) terminal.json(publicOf(running))
    else
      for (const line of banner(running, { ephemeral, joined, flags: context.flagsText, paint: terminal.paintErr }))
        terminal.say(line)
    await aborted(signal)
  })
}

/** What the settings say, for `startUp`. Throws BAD_INPUT when a WebSocket is asked of a server that is not ours. */
export const upOptions = (
  context: Context,
  websocket?: number | true,
): Omit<UpOptions, 'folders' | 'daemon' | 'signal'> => {
  const settings = context.settings()
  const { nats, natsCa, database, owner, threads, lease } = settings
  const { say } = context.terminal
  if (websocket !== undefined && nats !== null)
    throw new WritError('BAD_INPUT', `--websocket is for the private nats-server, and ${nats.from} names another`, {
      hint: 'leave one of them out; a server of your own listens where its configuration says',
    })
  const verbose = context.flags.verbose === true
  const http = httpOf(settings)
  const retention = retentionOf(settings)
  return {
    nats,
    natsCa,
    websocket,
    database,
    owner,
    threads,
    leaseMs: lease * msPerSecond,
    http,
    retention,
    version,
    verbose,
    say,
  }
}

/** Beyond this machine only where a person says so, and then with a word: nothing is encrypted. */
const httpOf = ({ http, httpOrigins: origins }: Settings): UpOptions['http'] => {
  const place = http === undefined ? { host: '127.0.0.1', port: 0 } : placeOf(http)
  return place === null ? null : { ...place, origins }
}

type WhileUpOptions = Omit<UpOptions, 'signal'> & {
  start?: typeof startUp
  /** What is left to do once everything has stopped, in order or not. */
  tidy?: (() => Promise<void>) | undefined
}

/** Starts everything, does something with it, and stops everything: at the end, on a failure, or when a person says so. */
export const whileUp = async <T>(
  { terminal }: Context,
  { start = startUp, tidy, ...options }: WhileUpOptions,
  use: (running: Running, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  goOnUnheard()
  const parts = new Parts()
  let tidied: Promise<void> | undefined
  // A forced stop may overtake an ordinary one: both wait for the same.
  const tidyOnce = (): Promise<void> => (tidied ??= tidy?.() ?? Promise.resolve())
  const stop = async (): Promise<void> => {
    try {
      await parts.stop()
    } finally {
      await tidyOnce()
    }
  }
  const force = (): void =>
    void parts
      .force()
      .then(tidyOnce)
      .finally(() => process.exit(exits.interrupted))
  return interruptible(async (signal) => {
    signal.addEventListener('abort', () => terminal.say('Stopping … (Ctrl-C again to force)'), { once: true })
    try {
      // A Ctrl-C may reach what a start waits for as well: how that fails then says nothing.
      const running = await start({ ...options, signal }, parts).catch((error: unknown) => {
        throw signal.aborted ? new Interrupted() : error
      })
      return await Promise.race([use(running, signal), running.failed])
    } finally {
      await stop()
    }
  }, force)
}

/** What a script needs, credentials included: it is on the standard output of the person who owns them. */
const publicOf = ({ node, data, log, database, nats, websocket, http, daemon }: Running): object => ({
  node,
  pid: process.pid,
  version: version,
  database,
  nats,
  websocket,
  http,
  data,
  log,
  daemon,
})
