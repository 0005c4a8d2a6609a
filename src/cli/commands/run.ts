/** `writ run FILE`: from a file to the end of the directive in it. */
import { examples, type Declare } from '../program.ts'
import type { RunFlags } from '../run-command.ts'

export const run: Declare = (command, context) => {
  command
    .argument('<file>', 'the directive, YAML or JSON; - for standard input')
    .option('--id <id>', 'its id, chosen by you; running it again follows the same directive')
    .option('--wait', 'only wait for the end, without telling what happens')
    .option('--dry-run', 'send nothing: check the file and print what would be done')
    .action(async (file: string, flags: RunFlags) =>
      (await import('../run-command.ts')).runFile(context(), file, flags),
    )
  examples(command, [
    'writ run examples/hello/directive.yaml',
    'writ run examples/ledger/directive.yaml --dry-run',
    'writ run examples/hello/directive.yaml --json',
  ])
}
