/** `writ env`: what the `nats` command line needs to speak as a client of the owner, or as a daemon, for a shell to evaluate. */
import { show, type Context } from '../context.ts'
import { examples, type Declare } from '../program.ts'

export const env: Declare = (command, context) => {
  command
    .option('--daemon <name>', 'as the daemon of this name, in place of a client')
    .action(async ({ daemon }: { daemon?: string }) => print(context(), daemon ?? null))
  examples(command, ['writ env', 'eval "$(writ env)"', 'writ env --owner team --json'])
}

/** A function, because `nats` reads its inbox prefix from a flag alone; the password is in no command line. */
const print = async (context: Context, daemon: string | null): Promise<void> => {
  const { exported, quoted } = await import('../shell-text.ts')
  const { loginFor } = await import('../login-for.ts')
  const { terminal, flagsText } = context
  const settings = context.settings()
  const { url, inboxPrefix, caFile } = await loginFor(settings, daemon)
  const { owner } = settings
  const login = { NATS_URL: url, ...(caFile === undefined ? {} : { NATS_CA: caFile }) }
  show(context, { ...login, inboxPrefix: inboxPrefix ?? null, owner, daemon }, () => {
    exported(login).forEach(terminal.print)
    if (inboxPrefix !== undefined) terminal.print(`nats() { command nats --inbox-prefix ${quoted(inboxPrefix)} "$@"; }`)
    if (terminal.rich) context.next(`eval "$(writ env${flagsText}${daemon === null ? '' : ` --daemon ${daemon}`})"`)
  })
}
