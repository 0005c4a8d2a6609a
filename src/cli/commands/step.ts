/** `writ step …`: one step, shown and steered by a person. */
import type { Command } from 'commander'
import type { StepView } from '../../protocol/views.ts'
import { show, type Context } from '../context.ts'
import type { NodeApi } from '../node-api.ts'
import { examples, type Declare } from '../program.ts'
import { word } from '../shell-text.ts'

export const step: Declare = (command, context) => {
  named(command, 'show', 'Show a step: its attempts, evaluations and files').action(async (name: string) => {
    const { api, id } = await find(context(), name)
    await tellWhole(context(), await api.step(id))
  })
  for (const [verb, description] of simpleVerbs) {
    named(command, verb, description).action(async (name: string) => {
      const { api, id } = await find(context(), name)
      await api.tellStep(id, verb)
      tell(context(), await api.step(id))
    })
  }
  named(command, 'reject', 'A held step is done again, with your text as feedback', ' --text "Say goodbye, too."')
    .requiredOption('--text <text>', 'what is to be done otherwise')
    .action(async (name: string, { text }: { text: string }) => {
      const { api, id } = await find(context(), name)
      await api.rejectStep(id, text)
      tell(context(), await api.step(id))
    })
}

const simpleVerbs = [
  ['evaluate', 'Ask for an evaluation of a step'],
  ['approve', 'A held step goes on as with a passed verdict'],
  ['retry', 'A failed or held step is done again'],
  ['cancel', 'End a held step as failed'],
] as const

const named = (command: Command, verb: string, description: string, more = ''): Command =>
  examples(
    command
      .command(verb)
      .description(description)
      .argument('<step>', 'directive/name, or the id or address of the step'),
    [`writ step ${verb} hello/look${more}`],
  )

/** The id is read before a node is looked for: a mistake in it is told without one. */
const find = async (context: Context, name: string): Promise<{ api: NodeApi; id: string }> => {
  const { stepIdOf } = await import('../names.ts')
  const id = await stepIdOf(name, async (directive) => (await context.link()).api.directive(directive))
  const { api } = await context.link()
  return { api, id }
}

const tell = (context: Context, view: StepView): void => {
  const { terminal, flagsText } = context
  show(context, view, () => terminal.print(`${view.directive}/${view.name}\t${view.status}\t${view.address}`))
  context.next(
    `writ step show ${word(`${view.directive}/${view.name}`)}${flagsText}`,
    `writ directive watch ${view.directive}${flagsText}`,
  )
}

const tellWhole = async (context: Context, view: StepView): Promise<void> => {
  const { stepLines } = await import('../step-text.ts')
  const { terminal, world, flagsText } = context
  show(context, view, () => stepLines(view, terminal, world.now()).forEach(terminal.print))
  const held = view.status === 'held' ? [`writ step approve ${word(`${view.directive}/${view.name}`)}${flagsText}`] : []
  context.next(...held, `writ directive show ${view.directive}${flagsText}`)
}
