/** `writ nats …`: publish, listen and ask on any subject, as the `nats` command does. */
import type { Command } from 'commander'
import { prefix } from '../../bus/subjects.ts'
import { duration, headersIn, whole } from '../arguments.ts'
import type { PubFlags, ReqFlags, SubFlags } from '../nats-verbs.ts'
import { examples, type Declare } from '../program.ts'

const countMax = 1_000_000
const second = 1000

export const nats: Declare = (command, context) => {
  const verbs = () => import('../nats-verbs.ts')
  examples(
    withBody(command.command('pub').alias('publish').description('Publish a message'))
      .option('--reply <subject>', 'where an answer goes')
      .option('--count <n>', 'so many times', whole(1, countMax), 1)
      .action(async (subject: string, body: string | undefined, flags: PubFlags) =>
        (await verbs()).publish(context(), subject, body, flags),
      ),
    [`writ nats pub ${prefix}.default.task.12.hello__1_0__t1.done '{"result": "by hand"}'`],
  )
  examples(
    command
      .command('sub')
      .alias('subscribe')
      .description('Print what comes on a subject, until Ctrl-C')
      .argument('<subject>', '* stands for one token, > at the end for all that follow')
      .option('--count <n>', 'only so many messages', whole(1, countMax))
      .option('--queue <name>', 'as one of a queue group')
      .option('-r, --raw', 'bodies alone')
      .action(async (subject: string, flags: SubFlags) => (await verbs()).subscribe(context(), subject, flags)),
    [`writ nats sub '${prefix}.default.event.>'`, `writ nats sub --raw --count 1 '${prefix}.default.event.hello.>'`],
  )
  examples(
    withBody(command.command('req').alias('request').description('Send a request, and print the answer'))
      .option('--replies <n>', 'wait for so many answers', whole(1, countMax), 1)
      .option('--timeout <time>', 'wait so long, as in 5s', duration, 5 * second)
      .option('-r, --raw', 'the answer alone')
      .action(async (subject: string, body: string | undefined, flags: ReqFlags) =>
        (await verbs()).request(context(), subject, body, flags),
      ),
    [
      `writ nats req ${prefix}.default.api.directive.list ''`,
      `writ nats req --raw --timeout 35s ${prefix}.default.pull ''`,
    ],
  )
}

const withBody = (command: Command): Command =>
  command
    .argument('<subject>', 'without wildcards')
    .argument('[body]', 'the message; else, and with -, standard input')
    .option('--force-stdin', 'read standard input also in a pipe, as `nats` does with it; here it always is')
    .option('-H, --header <name:value>', 'add a header; may be repeated', headersIn)
