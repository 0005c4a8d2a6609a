/** `writ up`: a node with all it needs, until Ctrl-C. */
import type { Command } from 'commander'
import { databaseSchemes, urlFor } from '../config.ts'
import { whole } from '../arguments.ts'
import { examples, type Declare } from '../program.ts'
import type { UpFlags } from '../up-command.ts'

const slotsMax = 1000
const threadsMax = 64
const portMax = 65_535

/** The options that `up` and the example share. */
export const serverOptions = (command: Command): Command =>
  command
    .option('--threads <n>', 'worker threads of the node (else one per core)', whole(1, threadsMax))
    .option(
      '--database-url <url>',
      'your own Postgres (WRIT_DATABASE_URL)',
      (text: string) => urlFor({ from: '--database-url', value: text }, databaseSchemes).url,
    )

export const up: Declare = (command, context) => {
  serverOptions(command)
    .option('--daemon', 'also run tasks: a daemon named local')
    .option('--slots <n>', 'how many tasks that daemon runs at once', whole(1, slotsMax), 2)
    .option(
      '--websocket [port]',
      'also listen for WebSocket clients (browsers), on loopback, at this port or a free one',
      whole(1, portMax),
    )
    .option('--ephemeral', 'keep nothing: a data folder of its own, removed at the end')
    .action(async (flags: UpFlags) => (await import('../up-command.ts')).serve(context(), flags))
  examples(command, ['writ up', 'writ up --daemon --slots 4', 'writ up --json --ephemeral'])
}
