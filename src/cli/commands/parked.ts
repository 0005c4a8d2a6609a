/** `writ parked …`: messages and actors that failed too often, for a person to try again or to drop. */
import { userInfo } from 'node:os'
import { pageCountMax } from '../../protocol/commands.ts'
import { nameCharsMax } from '../../protocol/limits.ts'
import type { ParkedLine, ParkedView, Unparked } from '../../protocol/parked.ts'
import { since } from '../ago.ts'
import { text, whole } from '../arguments.ts'
import type { Environment } from '../config.ts'
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { word } from '../shell-text.ts'
import { printTable } from '../table.ts'

interface ListFlags {
  directive?: string
  limit: number
  after?: string
}

interface DropFlags {
  why: string
  by?: string
  yes?: boolean
}

const limitDefault = 100
const idText = 'as `writ parked list` prints it; an actor also as directive/step'

export const parked: Declare = (command, context) => {
  examples(
    command
      .command('list')
      .description('List what is parked: who, which message, from whom, since when, how often it was tried, why')
      .option('--directive <directive>', 'only this one, with its steps: id or address')
      .option('--limit <n>', `at most so many (up to ${pageCountMax})`, whole(1, pageCountMax), limitDefault)
      .option('--after <next>', 'the page after this one, as `next` of the page before has it')
      .action(async (flags: ListFlags) => list(context(), flags)),
    ['writ parked list', 'writ parked list --directive hello --json'],
  )
  examples(
    command
      .command('show')
      .description('Show one of them, with its message')
      .argument('<parked>', idText)
      .action(async (id: string) => showOne(context(), id)),
    ['writ parked show hello__m41'],
  )
  examples(
    command
      .command('retry')
      .description('Try it again: a message goes back to its place, an actor takes what waits for it')
      .argument('<parked>', idText)
      .action(async (id: string) => retry(context(), id)),
    ['writ parked retry hello__m41'],
  )
  examples(
    command
      .command('drop')
      .description('Drop a message for good; the history of its directive tells who did, and why')
      .argument('<parked>', 'the id of a message, as `writ parked list` prints it')
      .requiredOption('--why <text>', 'why, for the history', text('--why', nameCharsMax))
      .option('--by <name>', 'who drops it, for the history (your user name when left out)', text('--by', nameCharsMax))
      .option('--yes', 'do not ask')
      .action(async (id: string, flags: DropFlags) => drop(context(), id, flags)),
    ['writ parked drop hello__m41 --why "It was published by mistake." --yes'],
  )
}

/** The id is read before a node is looked for: a mistake in it is told without one. */
const idFor = async (context: Context, text: string): Promise<string> => {
  const { actorIdOf } = await import('../names.ts')
  return actorIdOf(text, async (directive) => (await context.link()).api.directive(directive))
}

const shownNext = 3

const list = async (context: Context, { directive, limit, after }: ListFlags): Promise<void> => {
  const { directiveIdOf } = await import('../names.ts')
  const of = directive === undefined ? {} : { directive: directiveIdOf(directive) }
  const { api } = await context.link()
  const { terminal, world, flagsText } = context
  const { lines, next } = await api.parked.list({ limit, ...of, ...(after === undefined ? {} : { after }) })
  show(context, { parked: lines, next }, () =>
    printTable(terminal, lines, columnsAt(terminal.rich ? world.now() : null)),
  )
  if (lines.length === 0) terminal.say('Nothing is parked.')
  const only = directive === undefined ? '' : ` --directive ${word(directive)}`
  const most = limit === limitDefault ? '' : ` --limit ${limit}`
  if (next !== null) context.next(`writ parked list${only}${most} --after ${word(next)}${flagsText}`)
  else context.next(...new Set(lines.slice(0, shownNext).map((line) => `${line.next}${flagsText}`)))
}

/** What matters least comes last: a narrow terminal cuts it. `now`: ms since 1970, for spans. */
const columnsAt = (now: number | null): Parameters<typeof printTable<ParkedLine>>[2] => [
  { heading: 'ID', text: ({ id }) => id },
  { heading: 'KIND', text: ({ kind }) => kind },
  { heading: 'SINCE', text: (line) => (now === null ? line.since : since(line.since, now)) },
  { heading: 'TRIES', text: ({ tries }) => (tries === null ? '' : String(tries)), right: true },
  { heading: 'TO', text: whom },
  { heading: 'MESSAGE', text: (line) => messageWords(line) },
  { heading: 'FROM', text: ({ from }) => from ?? '' },
  { heading: 'WHY', text: ({ reason }) => reason },
  { heading: 'ADDRESS', text: ({ actor }) => actor.address },
]

const whom = ({ actor, directive, step }: ParkedLine): string =>
  step === null || directive === null ? actor.id : `${directive}/${step}`

const messageWords = ({ message, type }: ParkedLine): string =>
  message === null ? '' : (type ?? 'one that cannot be read')

const showOne = async (context: Context, text: string): Promise<void> => {
  const id = await idFor(context, text)
  const { api } = await context.link()
  const view = await api.parked.show({ id })
  const { terminal, flagsText } = context
  show(context, view, () => linesOf(view).forEach(terminal.print))
  const { directive, message, next } = view
  const retrying = view.kind === 'message' ? `writ parked retry ${id}` : next
  const seeing = message === null || message === id ? [] : [`writ parked show ${message}${flagsText}`]
  const more = directive === null ? [] : [`writ directive events ${directive}${flagsText}`]
  context.next(`${retrying}${flagsText}`, ...seeing, ...more)
}

const linesOf = (view: ParkedView): string[] => {
  const fields: [string, string | null][] = [
    ['id', view.id],
    ['kind', view.kind],
    ['to', `${whom(view)} (${view.actor.address})`],
    ['message', view.message === null ? null : messageWords(view)],
    ['from', view.from],
    ['tried', view.tries === null ? null : `${view.tries} times`],
    ['since', view.since],
    ['why', view.reason],
    ['waiting', view.kind === 'message' ? null : `${view.mailbox} messages wait for it`],
    ['size', view.bytes === null ? null : `${view.bytes} bytes`],
  ]
  const told = fields.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(9)}${value}`]))
  return view.body === null ? told : [...told, '', ...JSON.stringify(view.body, null, 2).split('\n')]
}

const retry = async (context: Context, text: string): Promise<void> => {
  const id = await idFor(context, text)
  const { api } = await context.link()
  tell(context, await api.parked.retry({ id }))
}

const drop = async (context: Context, text: string, { why, by, yes }: DropFlags): Promise<void> => {
  const id = await idFor(context, text)
  const { api } = await context.link()
  if (yes !== true && !(await isMeant(context, await api.parked.show({ id })))) return
  tell(context, await api.parked.drop({ id, why, by: by ?? userName(context.world.env) }))
}

/** In a container, the user may have a number alone. */
const userName = ({ USER, LOGNAME }: Environment): string => {
  try {
    return userInfo().username
  } catch {
    return USER || LOGNAME || `user ${process.getuid?.() ?? 'unknown'}`
  }
}

const isMeant = async ({ world, terminal }: Context, view: ParkedView): Promise<boolean> => {
  const { confirmed } = await import('../confirm.ts')
  const what = `${messageWords(view) || 'it'} from ${view.from ?? 'nobody'} to ${whom(view)}`
  const isYes = await confirmed(world, `Drop ${what} for good?`)
  if (!isYes) terminal.say('Nothing was dropped.')
  return isYes
}

const tell = (context: Context, done: Unparked): void => {
  const { terminal, flagsText } = context
  show(context, done, () => terminal.print(`${done.parked.id}\t${done.told}\t${done.actor.address}`))
  context.next(`writ parked list${flagsText}`)
}
