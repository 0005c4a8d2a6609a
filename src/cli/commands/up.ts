/** `writ up`: a node with all it needs, until Ctrl-C. */
import { Option } from 'commander'
import { whole } from '../arguments.ts'
import { settingOptions } from '../config-options.ts'
import { examples, type Declare } from '../program.ts'
import type { UpFlags } from '../up-command.ts'

const portMax = 65_535

export const up: Declare = (command, context) => {
  settingOptions(
    command,
    'databaseUrl',
    'threads',
    'lease',
    'http',
    'httpOrigins',
    'retention.directives',
    'retention.events',
    'retention.journals',
    'daemon.slots',
  )
    .option('--daemon', 'also run tasks: a daemon named local')
    .addOption(
      new Option(
        '--websocket [port]',
        'also listen for WebSocket clients (browsers), on loopback, at this port or a free one',
      ).argParser(whole(1, portMax)),
    )
    .addOption(
      new Option('--join', 'one more node for a running `writ up`, or for named servers: start no server').conflicts([
        'daemon',
        'ephemeral',
        'websocket',
      ]),
    )
    .option('--ephemeral', 'keep nothing: a data folder of its own, removed at the end')
    .action(async (flags: UpFlags) => (await import('../up-command.ts')).serve(context(), flags))
  examples(command, ['writ up', 'writ up --daemon --slots 4', 'writ up --join', 'writ up --json --ephemeral'])
}
