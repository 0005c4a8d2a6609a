/** `npm start`: the bundled example, from nothing to a merged repository. */
import { settingOptions } from '../config-options.ts'
import { examples, type Declare } from '../program.ts'
import type { ExampleFlags } from '../example-command.ts'

export const example: Declare = (command, context) => {
  settingOptions(command, 'databaseUrl', 'threads')
    .option('--exit', 'stop everything at the end (as without a terminal)')
    .option('--stay', 'keep serving at the end until Ctrl-C (as on a terminal)')
    .action(async (flags: ExampleFlags) => (await import('../example-command.ts')).runExample(context(), flags))
  examples(command, ['writ example --exit'])
}
