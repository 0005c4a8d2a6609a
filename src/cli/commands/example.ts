/** `npm start`: the bundled example, from nothing to a merged repository. */
import { examples, type Declare } from '../program.ts'
import { serverOptions } from './up.ts'
import type { ExampleFlags } from '../example-command.ts'

export const example: Declare = (command, context) => {
  serverOptions(command)
    .option('--exit', 'stop everything at the end (as without a terminal)')
    .option('--stay', 'keep serving at the end until Ctrl-C (as on a terminal)')
    .action(async (flags: ExampleFlags) => (await import('../example-command.ts')).runExample(context(), flags))
  examples(command, ['writ example --exit'])
}
