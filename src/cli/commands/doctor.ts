/** `writ doctor`: looks at all that directives need to get done here. */
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { oneLine } from '../terminal.ts'

export const doctor: Declare = (command, context) => {
  command.action(async () => print(context()))
  examples(command, ['writ doctor', 'writ doctor --json'])
}

const whatColumns = 12

const print = async (context: Context): Promise<void> => {
  const { examine } = await import('../doctor.ts')
  const { terminal } = context
  const findings = await examine(context)
  const well = findings.every(({ state }) => state !== 'problem')
  const { paint, rich } = terminal
  const signs = { ok: paint.green('✓'), note: paint.yellow('!'), problem: paint.red('✗') }
  show(context, { well, findings }, () => {
    for (const { what, state, found, remedy } of findings) {
      const cells = [found, ...(remedy === null ? [] : [remedy])].map(oneLine)
      if (rich) terminal.print(`${signs[state]} ${what.padEnd(whatColumns)} ${cells.join(paint.cyan('  → '))}`)
      else terminal.print([state, what, ...cells].join('\t'))
    }
  })
  if (!well) context.end(1)
}
