/** `writ inbox`: what waits for a person, and the command that goes on from there. */
import { since } from '../ago.ts'
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'

export const inbox: Declare = (command, context) => {
  command.action(async () => print(context()))
  examples(command, ['writ inbox', 'writ inbox --json'])
}

const shownNext = 3

const print = async (context: Context): Promise<void> => {
  const { inboxOf } = await import('../inbox.ts')
  const { terminal, world, flagsText } = context
  const { api } = await context.link()
  const { lines, partial } = await inboxOf(api)
  show(context, { inbox: lines, partial }, () =>
    printTable(terminal, lines, [
      { heading: 'KIND', text: ({ kind }) => kind },
      { heading: 'SINCE', text: (line) => (terminal.rich ? since(line.since, world.now()) : line.since) },
      { heading: 'DIRECTIVE', text: ({ directive }) => directive },
      { heading: 'STEP', text: ({ step }) => step ?? '' },
      { heading: 'WAITS FOR', text: ({ why }) => why },
    ]),
  )
  if (lines.length === 0) terminal.say('Nothing waits for a person.')
  if (partial) terminal.say('More waits than was looked through; this has waited longest.')
  context.next(...new Set(lines.slice(0, shownNext).map(({ next }) => `${next}${flagsText}`)))
}
