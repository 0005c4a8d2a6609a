/** `writ daemon …`: runs tasks on this machine, and shows who else does. */
import { since } from '../ago.ts'
import { settingOptions } from '../config-options.ts'
import { show, type Context } from '../context.ts'
import { listOptions, queryOf, tellPage, type ListFlags } from '../list-options.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'
import type { DaemonLine, Page } from '../../protocol/views.ts'

export const daemon: Declare = (command, context) => {
  examples(
    settingOptions(
      command
        .command('run')
        .description('Run tasks on this machine until Ctrl-C: what runs then is stopped and reported'),
      'daemon.name',
      'daemon.slots',
      'daemon.roles',
      'daemon.labels',
      'daemon.executors',
      'daemon.env',
      'daemon.gitConfig',
      'daemon.disk',
      'daemon.home',
    ).action(async () => (await import('../daemon-run.ts')).runHere(context())),
    [
      'writ daemon run --name builder --slots 4',
      'writ daemon run --name agent --role worker --label gpu=yes --executor agent="my-agent --quiet"',
    ],
  )
  examples(
    command
      .command('drain')
      .description('Have a daemon take nothing new: it ends once what it runs has ended')
      .argument('<name>', 'its name, as `writ daemon list` shows it')
      .action(async (name: string) => drain(context(), name)),
    ['writ daemon drain builder'],
  )
  examples(
    listOptions(command.command('list').description('List daemons with their slots'), 'those connected').action(
      async (query: ListFlags<'daemon'>) => list(context(), query),
    ),
    ['writ daemon list', 'writ daemon list --json'],
  )
}

const drain = async (context: Context, name: string): Promise<void> => {
  const { api } = await context.link()
  const answer = await api.drain(name)
  show(context, answer, () => context.terminal.say(`${name} takes nothing new, and ends once what it runs has ended.`))
  context.next(`writ daemon list${context.flagsText}`)
}

const list = async (context: Context, flags: ListFlags<'daemon'>): Promise<void> => {
  const { api } = await context.link()
  const { terminal, world, flagsText } = context
  const query = queryOf(flags, world.now())
  const page: Page<DaemonLine> = await api.daemons(query)
  show(context, { daemons: page.lines, next: page.next }, () =>
    printTable(terminal, page.lines, [
      { heading: 'NAME', text: ({ name }) => name },
      { heading: 'SLOTS', text: ({ granted, slots }) => `${granted}/${slots}`, right: true },
      { heading: 'STATE', text: ({ draining, pull }) => (draining ? 'draining' : pull ? 'pull' : 'ready') },
      { heading: 'ROLES', text: ({ roles }) => roles.join(',') },
      { heading: 'EXECUTORS', text: ({ executors }) => executors.join(',') },
      { heading: 'SINCE', text: (line) => (terminal.rich ? since(line.since, world.now()) : line.since) },
      {
        heading: 'LABELS',
        text: ({ labels }) =>
          Object.entries(labels)
            .map((pair) => pair.join('='))
            .join(','),
      },
    ]),
  )
  if (page.lines.length > 0) return tellPage(context, 'daemon list', query, page.next)
  terminal.say('There are no daemons: nothing runs tasks for this owner.')
  context.next(`writ daemon run${flagsText}`)
}
