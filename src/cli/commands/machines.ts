/** `writ machines …`: this version's machines against what is stored. */
import { settingOptions } from '../config-options.ts'
import { examples, type Declare } from '../program.ts'

export const machines: Declare = (command, context) => {
  examples(
    settingOptions(
      command
        .command('check')
        .description('Say what the machines of this version would do with what is stored, before it is deployed'),
      'databaseUrl',
    )
      .option('--all', 'also of directives that have ended')
      .action(async ({ all = false }: { all?: boolean }) =>
        (await import('../verify-machines.ts')).checkStoredMachines(context(), all),
      ),
    ['writ machines check', 'writ machines check --all --json'],
  )
}
