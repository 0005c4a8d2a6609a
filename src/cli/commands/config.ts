/** `writ config show`: every setting's value in force, and who said so. */
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'

export const config: Declare = (command, context) => {
  examples(
    command
      .command('show')
      .description('Print the value of every setting; passwords are left out')
      .option('--origin', 'also say where each comes from')
      .action(async ({ origin = false }: { origin?: boolean }) => print(context(), origin)),
    ['writ config show', 'writ config show --origin', 'writ config show --json'],
  )
}

const print = async (context: Context, origin: boolean): Promise<void> => {
  const { inForce } = await import('../config-in-force.ts')
  const settings = context.settings()
  const lines = inForce(settings)
  show(context, { settings: lines, files: settings.files }, () =>
    printTable(context.terminal, lines, [
      { heading: 'SETTING', text: ({ setting }) => setting },
      { heading: 'VALUE', text: ({ value, otherwise }) => (value === null ? `(${otherwise})` : textOf(value)) },
      ...(origin ? [{ heading: 'FROM', text: (line: { origin: string }) => line.origin }] : []),
    ]),
  )
}

const textOf = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return value.join(',')
  return Object.entries(value)
    .map(([key, part]) => `${key}=${Array.isArray(part) ? part.join(' ') : String(part)}`)
    .join(',')
}
