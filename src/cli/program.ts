/**
 * The `writ` command: which commands there are, and how one call of it runs and ends. A group's module is loaded when it is
 * used, and what speaks to servers only when it is needed, so that help and mistakes are answered at once.
 */
import { Command, CommanderError } from 'commander'
import { settingOptions, writtenFlags } from './config-options.ts'
import { contextOf, mayColor, type Context, type GlobalFlags, type World } from './context.ts'
import { exits, tellFailure } from './failure.ts'
import { terminalOf } from './terminal.ts'
import { version } from '../protocol/version.ts'

/** Completes a command: arguments, options, subcommands, examples, and what it does. */
export type Declare = (command: Command, context: () => Context) => void

interface Group {
  name: string
  summary: string
  hidden?: boolean
  load: () => Promise<Declare>
}

/** In the order of the help. */
export const groups: readonly Group[] = [
  {
    name: 'up',
    summary: 'start a node, with private servers unless others are named',
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    name: 'down',
    summary: 'stop what runs on a data folder',
    load: async () => (await import('./commands/down.ts')).down,
  },
  {
    name: 'run',
    summary: 'create a directive from a file, start it and follow it to its end',
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'directive',
    summary: 'create, show and steer directives',
    load: async () => (await import('./commands/directive.ts')).directive,
  },
  { name: 'step', summary: 'show and steer single steps', load: async () => (await import('./commands/step.ts')).step },
  {
    name: 'task',
    summary: 'list tasks, and end one by hand',
    load: async () => (await import('./commands/task.ts')).task,
  },
  {
    name: 'contract',
    summary: 'read and write the files of a piece of work',
    load: async () => (await import('./commands/contract.ts')).contract,
  },
  {
    name: 'daemon',
    summary: 'run tasks on this machine, and list daemons',
    load: async () => (await import('./commands/daemon.ts')).daemon,
  },
  {
    name: 'inbox',
    summary: 'what waits for a person',
    load: async () => (await import('./commands/inbox.ts')).inbox,
  },
  {
    name: 'inspect',
    summary: 'what actors take and what becomes of them, live or replayed',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'waiting',
    summary: 'what waits for what, since and until when, and who can end it',
    load: async () => (await import('./commands/waiting.ts')).waiting,
  },
  {
    name: 'parked',
    summary: 'what failed too often: try it again, or drop it',
    load: async () => (await import('./commands/parked.ts')).parked,
  },
  {
    name: 'node',
    summary: 'list the nodes that answer',
    load: async () => (await import('./commands/node.ts')).node,
  },
  {
    name: 'top',
    summary: 'what nodes, threads and daemons do at this moment',
    load: async () => (await import('./commands/top.ts')).top,
  },
  {
    name: 'actor',
    summary: 'look into one actor: its state, its journal, what it would take next',
    load: async () => (await import('./commands/actor.ts')).actor,
  },
  {
    name: 'creds',
    summary: 'who else may speak to the NATS server',
    load: async () => (await import('./commands/creds.ts')).creds,
  },
  {
    name: 'env',
    summary: 'what the nats command line needs, for a shell to evaluate',
    load: async () => (await import('./commands/env.ts')).env,
  },
  {
    name: 'nats',
    summary: 'publish, listen and ask on any subject',
    load: async () => (await import('./commands/nats.ts')).nats,
  },
  {
    name: 'doctor',
    summary: 'look at all that directives need to get done here',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'verify',
    summary: 'look whether what is stored agrees with itself',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'database',
    summary: 'say that the database was restored from a copy',
    load: async () => (await import('./commands/database.ts')).database,
  },
  {
    name: 'machines',
    summary: 'what this version would do with what is stored',
    load: async () => (await import('./commands/machines.ts')).machines,
  },
  {
    name: 'config',
    summary: 'which settings are in force, and where they come from',
    load: async () => (await import('./commands/config.ts')).config,
  },
  {
    name: 'completion',
    summary: 'the script by which a shell completes commands, options and ids',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    name: 'complete',
    summary: 'what may stand next on a command line',
    hidden: true,
    load: async () => (await import('./commands/completion.ts')).complete,
  },
  {
    name: 'example',
    summary: 'run the bundled example (npm start)',
    hidden: true,
    load: async () => (await import('./commands/example.ts')).example,
  },
]

/** Runs one call; the answer is its exit code. `args`: without node and script. */
export const runCli = async (args: readonly string[], world: World): Promise<number> => {
  const early: GlobalFlags = { json: args.includes('--json'), color: !args.includes('--no-color') }
  const terminal = terminalOf(world.out, world.err, mayColor(early, world.env))
  let context: ReturnType<typeof contextOf> | undefined
  const program = programOf(world, () => {
    if (context === undefined) throw new Error('a command asks for its context before it is run')
    return context
  })
  program.hook('preAction', (_program, command) => {
    context = contextOf(world, terminal, program.opts<GlobalFlags>(), writtenFlags(command))
  })
  try {
    await program.parseAsync(helpLast(args), { from: 'user' })
    return context?.exitCode() ?? exits.ok
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.help' && early.json !== true) return exits.usage
    return tellFailure(terminal, error, {
      json: early.json === true,
      verbose: args.includes('-v') || args.includes('--verbose'),
    })
  } finally {
    await context?.close()
  }
}

/** A command with all groups; each is filled in when it is reached. */
const programOf = (world: World, context: () => Context): Command => {
  const program = new Command('writ')
    .description(
      'Turns directives (goals) into finished, checked work: a planner proposes steps, daemons do them, an evaluator judges each.',
    )
    .version(version, '--version', 'print the version')
    .option('--json', 'data and errors as JSON on standard output (lists are one object, histories one object a line)')
    .option('--no-color', 'no colours (also with NO_COLOR, and in pipes)')
    .option('-v, --verbose', 'tell more on standard error')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out.write(text),
      writeErr: (text) => world.err.write(text),
      outputError: () => undefined,
    })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpCommand(false)
  settingOptions(program, 'owner', 'dataDir', 'natsUrl', 'natsCa')
  examples(program, ['writ up --daemon', 'writ run examples/hello/directive.yaml', 'writ directive list'])
  program.addHelpText('after', exitCodes)
  for (const { name, summary, hidden = false } of groups)
    program.command(name, { hidden }).description(capital(summary)).summary(summary).helpCommand(false)
  program.hook('preSubcommand', async (_program, command) => {
    const group = groups.find(({ name }) => name === command.name())
    if (group !== undefined) (await group.load())(command, context)
  })
  return program
}

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`

const exitCodes = `
Exit codes: 0 ok, 1 error, 2 usage, 3 unreachable, 4 refused, 5 directive failed, 6 cancelled, 124 timed out, 130 interrupted`

/** Adds the examples to a command's help; each must run as it is printed. */
export const examples = (command: Command, lines: readonly string[]): Command =>
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`)

/** `writ help x y` is `writ x y --help`. */
const helpLast = (args: readonly string[]): readonly string[] =>
  args[0] === 'help' ? [...args.slice(1), '--help'] : args
