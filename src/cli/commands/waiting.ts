/** `writ waiting`: every actor that has not ended, what it waits for, since and until when, and who can end that. */
import { pageCountMax } from '../../protocol/commands.ts'
import type { WaitingQuery, WaitLine } from '../../protocol/waiting.ts'
import { since, span } from '../ago.ts'
import { duration, whole } from '../arguments.ts'
import { show, type Context } from '../context.ts'
import { directiveIdOf } from '../names.ts'
import { examples, type Declare } from '../program.ts'
import { word } from '../shell-text.ts'
import { printTable } from '../table.ts'
import { byText, untilText } from '../wait-text.ts'

interface Flags {
  /** In ms. */
  older?: number
  directive?: string
  limit: number
  after?: string
}

const limitDefault = 100

export const waiting: Declare = (command, context) => {
  command
    .option('--older <span>', 'only what has waited for so long: 10m, 1h30m', duration)
    .option('--directive <directive>', 'only this one, with its steps: id or address')
    .option('--limit <n>', `at most so many (up to ${pageCountMax})`, whole(1, pageCountMax), limitDefault)
    .option('--after <next>', 'the page after this one, as `next` of the page before has it')
    .action(async (flags: Flags) => print(context(), flags))
  examples(command, ['writ waiting', 'writ waiting --older 10m', 'writ waiting --directive hello --json'])
}

const shownNext = 3

const print = async (context: Context, flags: Flags): Promise<void> => {
  const query = queryOf(flags)
  const { api } = await context.link()
  const { terminal, world, flagsText } = context
  const { lines, next } = await api.waiting(query)
  show(context, { waiting: lines, next }, () =>
    printTable(terminal, lines, columnsAt(terminal.rich ? world.now() : null)),
  )
  if (lines.length === 0)
    terminal.say(flags.older === undefined ? 'Nothing waits.' : `Nothing has waited for ${span(flags.older)}.`)
  if (next !== null) context.next(`writ waiting${flagsOf(flags)} --after ${word(next)}${flagsText}`)
  else context.next(...[...new Set(lines.map((line) => `${line.next}${flagsText}`))].slice(0, shownNext))
}

const queryOf = ({ older, directive, limit, after }: Flags): Partial<WaitingQuery> => ({
  limit,
  ...(older === undefined ? {} : { olderSeconds: Math.ceil(older / 1000) }),
  ...(directive === undefined ? {} : { directive: directiveIdOf(directive) }),
  ...(after === undefined ? {} : { after }),
})

/** What was asked, to be said again. */
const flagsOf = ({ older, directive, limit }: Flags): string =>
  [
    older === undefined ? '' : ` --older ${Math.ceil(older / 1000)}s`,
    directive === undefined ? '' : ` --directive ${word(directive)}`,
    limit === limitDefault ? '' : ` --limit ${limit}`,
  ].join('')

/** What matters least comes last: a narrow terminal cuts it. `now`: ms since 1970, for spans. */
const columnsAt = (now: number | null): Parameters<typeof printTable<WaitLine>>[2] => [
  { heading: 'KIND', text: ({ kind }) => kind },
  { heading: 'SINCE', text: (line) => (now === null ? line.since : since(line.since, now)) },
  { heading: 'UNTIL', text: (line) => untilText(line, now) },
  { heading: 'DIRECTIVE', text: ({ directive }) => directive ?? '' },
  { heading: 'STEP', text: ({ step }) => step ?? '' },
  { heading: 'STATUS', text: ({ status, parked }) => (parked === null ? status : 'parked') },
  { heading: 'BY', text: (line) => byText(line) },
  { heading: 'WAITS FOR', text: ({ waiting: what, parked }) => (parked === null ? what : `${what} (${parked})`) },
  { heading: 'ADDRESS', text: ({ address }) => address },
]
