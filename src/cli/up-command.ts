/** What `writ up` does around the servers: says what runs where, serves until Ctrl-C, and stops in order. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wipe } from '../embedded/down.ts'
import { dataFolder } from '../embedded/folders.ts'
import { banner } from './banner.ts'
import type { Context } from './context.ts'
import { exits } from './failure.ts'
import { removeOwn } from './own-folders.ts'
import { Parts } from './parts.ts'
import { aborted, interruptible } from './signals.ts'
import { startUp, type Running, type UpOptions } from './up.ts'
import { WritError } from '../protocol/errors.ts'
import { version } from '../protocol/version.ts'

export interface ServerFlags {
  threads?: number
  databaseUrl?: string
  /** A port; true: any free one. */
  websocket?: number | true
}

export interface UpFlags extends ServerFlags {
  daemon?: boolean
  slots: number
  ephemeral?: boolean
}

/** Serves until it is interrupted. */
export const serve = async (context: Context, flags: UpFlags): Promise<void> => {
  const { json, terminal } = context
  const { dataDir, env } = context.settings()
  const ephemeral = flags.ephemeral === true
  const folders = dataFolder({ dataDir: ephemeral ? mkdtempSync(join(tmpdir(), 'writ-')) : dataDir, env })
  const daemon = flags.daemon === true ? { name: 'local', slots: flags.slots } : null
  await whileUp(context, { ...upOptions(context, flags), folders, daemon }, async (running, signal) => {
    if (json) terminal.json(publicOf(running))
    else
      for (const line of banner(running, { ephemeral, flags: context.flagsText, paint: terminal.paintErr }))
        terminal.say(line)
    await aborted(signal)
  })
  if (!ephemeral) return
  await removeOwn(folders)
  await wipe(folders)
}

/** What the flags and settings say, for `startUp`. */
export const upOptions = (context: Context, flags: ServerFlags): Omit<UpOptions, 'folders' | 'daemon' | 'signal'> => {
  const { nats, natsCa, database, owner } = context.settings()
  const named = flags.databaseUrl === undefined ? database : { url: flags.databaseUrl, from: '--database-url' }
  const { say } = context.terminal
  const { websocket } = flags
  if (websocket !== undefined && nats !== null)
    throw new WritError('BAD_INPUT', `--websocket is for the private nats-server, and ${nats.from} names another`, {
      hint: 'leave one of them out; a server of your own listens where its configuration says',
    })
  return {
    nats,
    natsCa,
    websocket,
    database: named,
    owner,
    threads: flags.threads,
    version: version,
    verbose: context.flags.verbose === true,
    say,
  }
}

/** Starts everything, does something with it, and stops everything: at the end, on a failure, or when a person says so. */
export const whileUp = async <T>(
  { terminal }: Context,
  options: Omit<UpOptions, 'signal'>,
  use: (running: Running, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const parts = new Parts()
  const force = (): void => void parts.force().finally(() => process.exit(exits.interrupted))
  return interruptible(async (signal) => {
    signal.addEventListener('abort', () => terminal.say('Stopping … (Ctrl-C again to force)'), { once: true })
    try {
      return await use(await startUp({ ...options, signal }, parts), signal)
    } finally {
      await parts.stop()
    }
  }, force)
}

/** What a script needs, credentials included: it is on the standard output of the person who owns them. */
const publicOf = ({ node, data, log, database, nats, websocket, daemon }: Running): object => ({
  node,
  pid: process.pid,
  version: version,
  database,
  nats,
  websocket,
  data,
  log,
  daemon,
})
