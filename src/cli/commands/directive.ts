/** `writ directive …`: the group; what each verb does is in the files beside this one, loaded when it is used. */
import { duration, repeated, whole } from '../arguments.ts'
import { listOptions, type ListFlags, sinceOption, stateOption } from '../list-options.ts'
import { examples, type Declare } from '../program.ts'
import { type At, versionOrMoment } from './actor.ts'
import type { EventsFlags } from './directive-watch.ts'

export const directive: Declare = (command, context) => {
  const verbs = () => import('./directive-verbs.ts')

  examples(
    command
      .command('create')
      .description('Create a directive from a file, as a draft')
      .argument('<file>', 'YAML or JSON; - for standard input')
      .option('--id <id>', 'its id, chosen by you; creating it again is the same directive')
      .action(async (file: string, options: { id?: string }) => (await verbs()).create(context(), file, options)),
    ['writ directive create examples/hello/directive.yaml --id hello'],
  )
  examples(
    command
      .command('start')
      .description('Start a draft')
      .argument('<directive>', 'id or address')
      .action(async (id: string) => (await verbs()).steer(context(), id, 'start')),
    ['writ directive start hello'],
  )
  examples(
    command
      .command('plan')
      .description('Submit a plan; inside a task, for its own directive')
      .argument('[directive]', 'id or address; not needed inside a task')
      .requiredOption('--file <file>', 'the plan as JSON; - for standard input')
      .action(async (id: string | undefined, { file }: { file: string }) =>
        (await import('./directive-plan.ts')).plan(context(), id, file),
      ),
    ['writ directive plan hello --file plan.json', 'writ directive plan --file plan.json'],
  )
  examples(
    listOptions(command.command('list').description('List directives, newest first'), 'those created')
      .addOption(stateOption('directive'))
      .option('--text <text>', 'only those with this text in their title')
      .action(async (query: ListFlags<'directive'>) => (await verbs()).list(context(), query)),
    ['writ directive list', 'writ directive list --state open --since 2h --json'],
  )
  showing(command, context)
  for (const [verb, description] of simpleVerbs) {
    examples(
      command
        .command(verb)
        .description(description)
        .argument('<directive>', 'id or address')
        .action(async (id: string) => (await verbs()).steer(context(), id, verb)),
      [`writ directive ${verb} hello`],
    )
  }
  examples(
    command
      .command('delete')
      .description('Delete a directive that has ended, or a draft, with all that is stored of it')
      .argument('<directive>', 'id or address')
      .option('--yes', 'do not ask')
      .action(async (id: string, flags: { yes?: true }) =>
        (await import('./directive-delete.ts')).remove(context(), id, flags),
      ),
    ['writ directive delete hello --yes'],
  )
  examples(
    command
      .command('evaluate')
      .description('Ask for an evaluation of a step of the current plan')
      .argument('<directive>', 'id or address')
      .argument('<step>', 'name or id')
      .action(async (id: string, step: string) => (await verbs()).evaluate(context(), id, step)),
    ['writ directive evaluate hello look'],
  )
  watching(command, context)
}

const showing: Declare = (command, context) => {
  examples(
    command
      .command('show')
      .description('Show a directive: its plan with the state of each step, and what each part waits for')
      .argument('[directive]', 'id or address; inside a task not needed for its own')
      .option('--at <moment>', 'as it was then: a version, how long ago (2h), or a time in ISO 8601', versionOrMoment)
      .action(async (id: string | undefined, { at }: { at?: At }) =>
        at === undefined
          ? (await import('./directive-verbs.ts')).showOne(context(), id)
          : (await import('./directive-past.ts')).showPast(context(), id, at),
      ),
    ['writ directive show hello', 'writ directive show hello --json', 'writ directive show hello --at 2'],
  )
}

const simpleVerbs = [
  ['pause', 'Start nothing new; what runs goes on'],
  ['resume', 'Go on with what is ready'],
  ['cancel', 'Stop every task and end the directive as cancelled'],
  ['retry', 'Take up a failed or cancelled directive again'],
  ['mend', 'Try again what is parked of a directive and its steps'],
] as const

const watching: Declare = (command, context) => {
  examples(
    sinceOption(command.command('events').description('Print the history of a directive, or of all'), 'events')
      .argument('[directive]', 'id or address; all of them with --follow or --since')
      .option('-f, --follow', 'go on until the directive has ended; with all of them until Ctrl-C')
      .option('--after <number>', 'of one directive, only events after this number', whole(0, Number.MAX_SAFE_INTEGER))
      .option('--type <type>', 'only this type; may be repeated', repeated)
      .action(async (id: string | undefined, options: EventsFlags) =>
        id === undefined
          ? (await import('./all-events.ts')).allEvents(context(), options)
          : (await import('./directive-watch.ts')).events(context(), id, options),
      ),
    [
      'writ directive events hello --since 10m',
      'writ directive events hello --follow --json',
      'writ directive events --follow',
    ],
  )
  examples(
    command
      .command('watch')
      .description('Show a directive and keep the picture up to date until it has ended')
      .argument('<directive>', 'id or address')
      .action(async (id: string) => (await import('./directive-watch.ts')).watch(context(), id)),
    ['writ directive watch hello'],
  )
  examples(
    command
      .command('wait')
      .description('Wait until a directive has ended, however it ends; the exit code says how')
      .argument('<directive>', 'id or address')
      .option('--timeout <span>', 'give up after this time with exit code 124', duration)
      .action(async (id: string, options: { timeout?: number }) =>
        (await import('./directive-watch.ts')).wait(context(), id, options),
      ),
    ['writ directive wait hello --timeout 10m'],
  )
}
