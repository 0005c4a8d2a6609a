/** `writ actor …`: one actor looked into, as it is and as it was; nothing is changed by it. */
import type { Command } from 'commander'
import { whole } from '../arguments.ts'
import { moment, type Moment } from '../list-options.ts'
import { examples, type Declare } from '../program.ts'

const version = whole(1, Number.MAX_SAFE_INTEGER)

export const actor: Declare = (command, context) => {
  const verbs = () => import('./actor-verbs.ts')

  examples(
    named(command, 'show', 'Show an actor: its state, what it waits for, its timers, and all that it remembers')
      .option('--at <moment>', 'as it was then: a version, how long ago (2h), or a time in ISO 8601', versionOrMoment)
      .action(async (name: string, options: { at?: At }) => (await verbs()).showActor(context(), name, options)),
    ['writ actor show hello/look', 'writ actor show hello --at 1 --json', 'writ actor show registry'],
  )
  examples(
    named(command, 'journal', 'Print what an actor took: version, time, message, from whom, and what it changed')
      .option('--from <version>', 'from this version on', version)
      .option('--to <version>', 'up to this version', version)
      .option('-f, --follow', 'go on with what it takes, until Ctrl-C or its directive has ended')
      .action(async (name: string, options: { from?: number; to?: number; follow?: boolean }) =>
        (await verbs()).journal(context(), name, options),
      ),
    ['writ actor journal hello/look', 'writ actor journal hello --from 2 --to 3 --json'],
  )
  examples(
    named(command, 'diff', 'Show what differs between two versions of an actor')
      .argument('<from>', 'a version', version)
      .argument('<to>', 'a version', version)
      .action(async (name: string, from: number, to: number) => (await verbs()).diff(context(), name, from, to)),
    ['writ actor diff hello 1 2'],
  )
  examples(
    named(command, 'next', 'Show which messages an actor would take now, and what holds the others back')
      .option('--type <type>', 'only messages of this type')
      .action(async (name: string, options: { type?: string }) => (await verbs()).next(context(), name, options)),
    ['writ actor next hello/look', 'writ actor next hello --type cancel'],
  )
  examples(
    named(command, 'try', 'Show what a message would do to an actor now; it is not told it')
      .argument('[message]', 'JSON; what it leaves out is filled in from the present state')
      .option('--message <type>', 'a message of this type, filled in from the present state')
      .option('--timer <timer>', 'fire this timer instead: its id or its name')
      .action(async (name: string, message: string | undefined, options: { message?: string; timer?: string }) =>
        (await verbs()).tryOut(context(), name, message, options),
      ),
    ['writ actor try hello --message cancel', `writ actor try hello/look '{"type":"task.end","outcome":"failed"}'`],
  )
}

/** A version, or a time. */
export type At = number | Moment

export const versionOrMoment = (text: string): At => (/^\d+$/.test(text) ? version(text) : moment(text))

const named = (command: Command, verb: string, description: string): Command =>
  command
    .command(verb)
    .description(description)
    .argument('<actor>', 'directive, directive/step or an id or address of either, or registry')
