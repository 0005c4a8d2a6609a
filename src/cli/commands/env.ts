/** `writ env`: what the `nats` command line needs to speak as a client of the owner, as a daemon or as a node, for a shell to evaluate. */
import { Option } from 'commander'
import { show, type Context } from '../context.ts'
import type { Who } from '../login-for.ts'
import { examples, type Declare } from '../program.ts'

export const env: Declare = (command, context) => {
  command
    .option('--daemon <name>', 'as the daemon of this name, in place of a client')
    .addOption(
      new Option('--node', 'as a node: it may do everything, and alone may look at the stream').conflicts('daemon'),
    )
    .action(async (who: Who) => print(context(), who))
  examples(command, ['writ env', 'eval "$(writ env)"', 'writ env --owner team --json', 'writ env --node'])
}

/** A function, because `nats` reads its inbox prefix from a flag alone; the password is in no command line. */
const print = async (context: Context, who: Who): Promise<void> => {
  const { exported, quoted } = await import('../shell-text.ts')
  const { loginFor } = await import('../login-for.ts')
  const { terminal, flagsText } = context
  const settings = context.settings()
  const { url, inboxPrefix, caFile } = await loginFor(settings, who)
  const { owner } = settings
  const { daemon, node = false } = who
  const login = { NATS_URL: url, ...(caFile === undefined ? {} : { NATS_CA: caFile }) }
  show(context, { ...login, inboxPrefix: inboxPrefix ?? null, owner, daemon: daemon ?? null, node }, () => {
    exported(login).forEach(terminal.print)
    // What an earlier login of this shell has defined would go on with that one's inboxes.
    terminal.print(`nats() { command nats --inbox-prefix ${quoted(inboxPrefix ?? libraryInbox)} "$@"; }`)
    const as = daemon === undefined ? '' : ` --daemon ${daemon}`
    if (terminal.rich) context.next(`eval "$(writ env${flagsText}${node ? ' --node' : as})"`)
  })
}

/** What every NATS client uses when nothing else is said. */
const libraryInbox = '_INBOX'
