/** `writ creds …`: who else may speak to the private nats-server, and the permissions for a server of one's own. */
import { since } from '../ago.ts'
import { show, type Context } from '../context.ts'
import { sinceOption, type Moment } from '../list-options.ts'
import { examples, type Declare } from '../program.ts'
import { repeated } from '../arguments.ts'
import { printTable } from '../table.ts'
import type { Made } from '../creds.ts'

interface CreateFlags {
  daemon?: string
  out?: string
}

export const creds: Declare = (command, context) => {
  examples(
    command
      .command('create')
      .description('Make a user: a client of the owner, or a daemon; what it prints is for a shell elsewhere')
      .option('--daemon <name>', 'for the daemon of this name, which may then speak under no other')
      .option('--out <file>', 'write it to a new file for you alone, in place of standard output')
      .action(async (flags: CreateFlags) => create(context(), flags)),
    ['writ creds create --owner team', 'writ creds create --owner team --daemon builder --out builder.env'],
  )
  examples(
    sinceOption(
      command.command('list').description('List the users that have an owner: of all owners, or of one with --owner'),
      'those made',
    ).action(async ({ since: from }: { since?: Moment }) => list(context(), from)),
    ['writ creds list', 'writ creds list --since 7d --json'],
  )
  examples(
    command
      .command('revoke')
      .description('Remove a user: its connections are cut, and its credentials open nothing any more')
      .argument('<user>', 'as `writ creds list` shows it')
      .action(async (user: string) => revoke(context(), user)),
    ['writ creds revoke d_team__builder'],
  )
  examples(
    command
      .command('permissions')
      .description("Print users and permissions to paste into your own nats-server's configuration")
      .option('--daemon <name>', 'with a user for the daemon of this name; may be repeated', repeated)
      .action(async ({ daemon = [] }: { daemon?: string[] }) => permissions(context(), daemon)),
    ['writ creds permissions --owner team --daemon builder'],
  )
}

const create = async (context: Context, { daemon, out }: CreateFlags): Promise<void> => {
  const { createUser, environmentOf, writeEnvironment } = await import('../creds.ts')
  const { terminal, world, json } = context
  const made = await createUser(context.settings(), daemon ?? null)
  const { user, owner, name, created, running, url, inboxPrefix } = made
  const lines = environmentOf(made)
  const file = out === undefined ? null : writeEnvironment(world.cwd, out, lines)
  const secret = file === null ? { url, inboxPrefix } : { file }
  const kind = name === null ? 'client' : 'daemon'
  if (json) return terminal.json({ user, kind, owner, name, created, running, ...secret })
  if (file === null) lines.forEach(terminal.print)
  tellMade(context, made, file)
}

const tellMade = ({ terminal: { say }, next }: Context, made: Made, file: string | null): void => {
  const { user, owner, name, created, running } = made
  const whose = name === null ? `a client of ${owner}` : `the daemon ${name} of ${owner}`
  say(`${user}, ${whose}, ${created ? 'is made' : 'was there already'}.`)
  if (file !== null) say(`Its credentials are in ${file}, for you alone to read.`)
  if (!running) say('`writ up` does not run here: it knows this user from its next start on.')
  say('The private server listens on this machine alone: from elsewhere, a tunnel leads to it.')
  next(name === null ? 'writ directive list' : `writ daemon run --name ${name}`)
}

const list = async (context: Context, from: Moment | undefined): Promise<void> => {
  const { usersOf } = await import('../creds.ts')
  const { terminal, world, flagsText } = context
  const owner = context.written.has('owner') ? context.settings().owner : undefined
  const earliest = from?.(world.now()) ?? ''
  const users = usersOf(context.settings(), owner).filter(({ created }) => created >= earliest)
  show(context, { users }, () =>
    printTable(terminal, users, [
      { heading: 'USER', text: ({ user }) => user },
      { heading: 'KIND', text: ({ kind }) => kind },
      { heading: 'OWNER', text: ({ owner }) => owner },
      { heading: 'NAME', text: ({ name }) => name ?? '' },
      {
        heading: 'CREATED',
        text: ({ created }) => (terminal.rich ? `${since(created, world.now())} ago` : created),
      },
    ]),
  )
  if (users.length > 0) return
  terminal.say('There are no users but the node.')
  context.next(`writ creds create${flagsText}`)
}

const revoke = async (context: Context, user: string): Promise<void> => {
  const { revokeUser } = await import('../creds.ts')
  const { terminal, json, next, flagsText } = context
  const { running } = await revokeUser(context.settings(), user)
  if (json) return terminal.json({ user, revoked: true, running })
  terminal.say(
    running ? `${user} is revoked, and its connections are cut.` : `${user} is revoked: no server runs that knows it.`,
  )
  next(`writ creds list${flagsText}`)
}

const permissions = async (context: Context, daemons: readonly string[]): Promise<void> => {
  const { clientOf, daemonUser } = await import('../../bus/permissions.ts')
  const { passwordVariable, permissionsFragment } = await import('../../bus/permissions-fragment.ts')
  const { owner } = context.settings()
  const users = [clientOf(owner).user, ...new Set(daemons.map((name) => daemonUser(owner, name)))]
  const text = permissionsFragment(users)
  const variables = Object.fromEntries(['node', ...users].map((user) => [user, passwordVariable(user)]))
  const { terminal } = context
  show(context, { fragment: text, passwords: variables }, () => terminal.print(text.trimEnd()))
  if (context.json) return
  terminal.say(
    `Set ${Object.values(variables).join(', ')} where nats-server starts; then nats://<user>:<password>@host:port is WRIT_NATS_URL.`,
  )
}
