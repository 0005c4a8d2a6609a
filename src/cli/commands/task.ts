/** `writ task …`: what is delegated to daemons, and how a person ends a task by hand. */
import type { Command } from 'commander'
import type { z } from 'zod'
import type { verdict as verdictSchema } from '../../protocol/verdict.ts'
import type { Page, TaskLine, TaskView } from '../../protocol/views.ts'
import { since } from '../ago.ts'
import { whole } from '../arguments.ts'
import { show, type Context } from '../context.ts'
import { listOptions, queryOf, stateOption, tellPage, type ListFlags } from '../list-options.ts'
import { taskIdOf } from '../names.ts'
import type { NodeApi } from '../node-api.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'
import type { OutputFlags } from '../task-output.ts'
import { readBytes } from '../text-file.ts'

export const task: Declare = (command, context) => {
  examples(
    listOptions(command.command('list').description('List tasks, and what each of them waits for'), 'those delegated')
      .addOption(stateOption('task'))
      .option('--text <text>', 'only those with this text in their name')
      .action(async (query: ListFlags<'task'>) => list(context(), query)),
    ['writ task list --state running', 'writ task list --since 3d --json'],
  )
  named(command, 'show', 'Show a task with its attempts and files').action(async (name: string) => {
    const id = taskIdOf(name)
    const { api } = await context().link()
    tell(context(), await api.task(id))
  })
  examples(
    command
      .command('output')
      .description('Print what an attempt has written, as its daemon keeps it')
      .argument('<task>', 'id or address')
      .option('--attempt <n>', 'of this attempt, else of the last one', whole(1, 1_000_000))
      .option('-f, --follow', 'and what it writes from now on, until it has ended')
      .action(async (name: string, options: OutputFlags) => {
        const { printOutput } = await import('../task-output.ts')
        await printOutput(context(), taskIdOf(name), options)
      }),
    ['writ task output hello__1_0__t1', 'writ task output hello__1_0__t1 --follow'],
  )
  const ending = (verb: 'done' | 'fail', description: string): Command =>
    named(command, verb, description).option('--force', 'also when a daemon is running it: its process is stopped')
  ending('done', 'End a task as done, by hand')
    .option('--result <text>', 'what came of it')
    .option('--verdict <file>', "for an evaluator's task: the verdict as JSON; - for standard input")
    .action(async (name: string, options: { force?: boolean; result?: string; verdict?: string }) => {
      const { verdict, ...rest } = options
      const read = verdict === undefined ? {} : { verdict: await verdictFrom(verdict, context().world.cwd) }
      await end(context(), name, { outcome: 'done', ...rest, ...read })
    })
  ending('fail', 'End a task as failed, by hand')
    .option('--reason <text>', 'why')
    .action(async (name: string, options: { force?: boolean; reason?: string }) =>
      end(context(), name, { outcome: 'failed', ...options }),
    )
}

const named = (command: Command, verb: string, description: string): Command =>
  examples(command.command(verb).description(description).argument('<task>', 'id or address'), [
    `writ task ${verb} hello__1_0__t1`,
  ])

/** Throws BAD_INPUT for what is no verdict. */
const verdictFrom = async (file: string, cwd: string): Promise<z.infer<typeof verdictSchema>> => {
  const { checkPayload, decode } = await import('../../bus/json.ts')
  const { verdict } = await import('../../protocol/verdict.ts')
  return checkPayload(verdict, decode(await readBytes(file, cwd)))
}

const end = async (context: Context, name: string, body: Parameters<NodeApi['endTask']>[1]): Promise<void> => {
  const id = taskIdOf(name)
  const { api } = await context.link()
  await api.endTask(id, body)
  tell(context, await api.task(id))
}

const tell = (context: Context, view: TaskView): void => {
  const { terminal, flagsText } = context
  show(context, view, () => {
    const facts = [
      ['task', view.id],
      ['address', view.address],
      ['name', view.name],
      ['status', `${view.status}${view.reason === '' ? '' : `: ${view.reason}`}`],
      ['contract', view.contract.address],
      ...view.attempts.map(({ attempt, as, daemon }) => [`attempt ${attempt}`, `${as ?? 'open'} on ${daemon}`]),
      ...view.files.map((file) => ['file', `${file.name}, ${file.bytes} bytes`]),
    ]
    for (const fact of facts) terminal.print(fact.join('\t'))
  })
  context.next(`writ directive show ${view.directive}${flagsText}`)
}

const list = async (context: Context, flags: ListFlags<'task'>): Promise<void> => {
  const { api } = await context.link()
  const { terminal, world, flagsText } = context
  const now = world.now()
  const query = queryOf(flags, now)
  const page: Page<TaskLine> = await api.tasks(query)
  show(context, { tasks: page.lines, next: page.next }, () =>
    printTable(terminal, page.lines, [
      { heading: 'ADDRESS', text: ({ address }) => address },
      { heading: 'STATUS', text: ({ status }) => status },
      { heading: 'ROLE', text: ({ role }) => role },
      { heading: 'AGE', text: ({ created }) => (terminal.rich ? since(created, now) : created) },
      { heading: 'DAEMON', text: ({ daemon }) => daemon ?? '' },
      { heading: 'NAME', text: ({ name }) => name },
    ]),
  )
  const [first] = page.lines
  if (first === undefined) terminal.say('There are no such tasks.')
  else context.next(`writ task show ${first.address}${flagsText}`)
  tellPage(context, 'task list', query, page.next)
}
