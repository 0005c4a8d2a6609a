/** What every command is given: the terminal, the settings, and (on demand, closed at the end) the way to a node. */
import type { DirectiveView } from '../protocol/views.ts'
import { readSettings, type Environment, type Settings } from './config.ts'
import type { Link } from './reach.ts'
import { shown } from './shown-url.ts'
import type { Output, Terminal } from './terminal.ts'

/** The flags that every command takes, beside those of settings. */
export interface GlobalFlags {
  json?: boolean
  verbose?: boolean
  color?: boolean
}

/** Whether to colour at all, apart from what the streams are. */
export const mayColor = (flags: GlobalFlags, env: Environment): boolean =>
  flags.color !== false && !env['NO_COLOR'] && env['TERM'] !== 'dumb'

/** Everything outside of the command itself. */
export interface World {
  env: Environment
  cwd: string
  out: Output
  err: Output
  /** Whether a person sits at standard input and can be asked, or watches and presses Ctrl-C. */
  interactive: boolean
  /** ms since 1970. */
  now: () => number
  /** In place of the real way to a node, in tests. */
  reach?: (settings: Settings) => Promise<Link>
}

export interface Context {
  world: World
  terminal: Terminal
  flags: GlobalFlags
  /** What was written behind flags of settings, by their places. */
  written: ReadonlyMap<string, readonly string[]>
  /** Whether the data on stdout is JSON. */
  json: boolean
  /** Throws BAD_INPUT for bad values of any setting. */
  settings: () => Settings
  /** Opened at the first call. */
  link: () => Promise<Link>
  /** The exit code, when it is not 0 and nothing was thrown. */
  end: (code: number) => void
  /** What the person should know, on stderr; `next` are commands that are of use now. */
  next: (...commands: string[]) => void
  /** The flags that this call needed to reach its node: to be repeated in commands that are shown. */
  flagsText: string
}

/** A directive's data on stdout: itself as JSON, else what `text` prints. */
export const show = ({ json, terminal }: Context, view: DirectiveView | object, text: () => void): void => {
  if (json) terminal.json(view)
  else text()
}

/** Makes the context of one call. `close` ends what it has opened. */
export const contextOf = (
  world: World,
  terminal: Terminal,
  flags: GlobalFlags,
  written: Context['written'],
): Context & { close: () => Promise<void>; exitCode: () => number } => {
  let settings: Settings | undefined
  let link: Promise<Link> | undefined
  let exitCode = 0
  const read = (): Settings => (settings ??= readSettings(written, world))
  return {
    world,
    terminal,
    flags,
    written,
    json: flags.json === true,
    settings: read,
    link: () => (link ??= open(world, read(), flags, terminal)),
    end: (code) => {
      exitCode = code
    },
    next: (...commands) => {
      if (flags.json === true) return
      for (const command of commands) terminal.say(terminal.paintErr.dim(`next: ${command}`))
    },
    flagsText: flagsText(written),
    close: async () => {
      // A link that never opened has told its failure already.
      const opened = await link?.catch(() => undefined)
      await opened?.close()
    },
    exitCode: () => exitCode,
  }
}

const open = async (world: World, settings: Settings, flags: GlobalFlags, terminal: Terminal): Promise<Link> => {
  if (world.reach !== undefined) return world.reach(settings)
  const { reach } = await import('./reach.ts')
  return reach(settings, flags.verbose === true ? terminal.say : () => undefined)
}

const flagsText = (written: Context['written']): string =>
  Object.entries({ '--data-dir': 'dataDir', '--nats-url': 'natsUrl', '--nats-ca': 'natsCa', '--owner': 'owner' })
    .flatMap(([flag, place]) => {
      const [value] = written.get(place) ?? []
      return value === undefined ? [] : [flagged(flag, shown(value))]
    })
    .join('')

/** A flag with its value, as a shell takes it, and a space before both. */
export const flagged = (flag: string, harmless: string): string =>
  ` ${flag} ${/^[\w./:@-]+$/.test(harmless) ? harmless : JSON.stringify(harmless)}`
