/** `writ inspect`: what actors take and what becomes of them, live or replayed. */
import { InvalidArgumentError, Option } from 'commander'
import { whole } from '../arguments.ts'
import type { InspectFlags } from '../inspect.ts'
import { examples, type Declare } from '../program.ts'
import { inspectedActorsMax } from '../../protocol/limits.ts'

const version = whole(1, Number.MAX_SAFE_INTEGER)
const coalesceMax = 60_000

export const inspect: Declare = (command, context) => {
  command
    .argument(
      '[what]',
      'a directive with its steps, <directive>/<step>, registry, any id, or a glob of ids; else all that live',
    )
    .addOption(new Option('--kind <kind>', 'only actors of this kind').choices(['directive', 'step', 'registry']))
    .option('--replay', 'what happened instead of what happens: also of what ended long ago')
    .option('--from <version>', 'of a replay: from this version of each actor on', version)
    .option('--to <version>', 'of a replay: up to this version', version)
    .option('--speed <n>', 'of a replay: so many times as fast as it was; else without pauses', positive)
    .option('--coalesce <ms>', 'of each actor at most one state in so many ms', whole(0, coalesceMax), 0)
    .option('--max <n>', 'at most so many actors', whole(1, inspectedActorsMax))
    .option('--url', "print the address of the node's inspector socket, with its token, and do nothing else")
    .option(
      '--stately [url]',
      "serve a page that shows all of it in Stately's inspector: what it shows leaves this machine",
    )
    .action(async (what: string | undefined, flags: InspectFlags) =>
      (await import('../inspect.ts')).inspect(context(), what, flags),
    )
  examples(command, [
    'writ inspect hello',
    'writ inspect hello --replay',
    "writ inspect 'hello__1_*' --replay --json",
    'writ inspect --url hello',
  ])
}

const positive = (text: string): number => {
  const number = Number(text)
  if (number > 0 && number <= 1_000_000) return number
  throw new InvalidArgumentError('It is a number above 0, as in 10 or 0.5.')
}
