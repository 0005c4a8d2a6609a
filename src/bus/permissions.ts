/**
 * Who may speak on which subjects: the exact permissions of each kind of NATS user (a node, a client of an owner, a daemon).
 * Every user listens for answers only under an inbox prefix of its own, so no user can read another's.
 */
import { chosenId, ownerName } from '../protocol/ids.ts'
import { prefix, subjects } from './subjects.ts'

/** What nats-server's configuration takes for a user. */
export interface Permissions {
  publish: { allow: string[]; deny?: string[] }
  subscribe: { allow: string[] }
  allow_responses?: { max: number; expires: string }
}

export interface BusUser {
  /** The user's name, from which its inbox prefix follows. */
  user: string
  permissions: Permissions
}

/** The user of all nodes. */
export const nodeUser = 'node'

/** The inbox prefix that a user must connect with: its own. `undefined` (the library's own) for users that are not ours. */
export const inboxPrefixOf = (user: string): string | undefined => (/^[cd]_/.test(user) ? `_INBOX_${user}` : undefined)

/** The inbox prefix that goes with the user in a NATS URL. */
export const inboxPrefixOfUrl = (url: string): string | undefined => {
  const user = /^[a-z]+:\/\/([^/@:]+):[^/@]*@/.exec(url)?.[1]
  return user === undefined ? undefined : inboxPrefixOf(decodeURIComponent(user))
}

/**
 * A client of an owner: people, the command line, scripts (which may take tasks by `pull` and report them). `daemons`: those
 * with users of their own, in whose names nobody else reports.
 */
export const clientOf = (owner: string, daemons: readonly string[] = []): BusUser => {
  const user = `c_${ownerName(owner)}`
  const asks = [
    subjects.api,
    subjects.directive,
    subjects.step,
    subjects.contract,
    subjects.task,
    subjects.report,
    subjects.actors,
    subjects.actor,
  ]
  const listens = [subjects.event, subjects.output, subjects.mail, subjects.inspect]
  return {
    user,
    permissions: {
      publish: {
        allow: [
          ...asks.map((subject) => subject.pattern({ owner })),
          subjects.pull.pattern({ owner }),
          subjects.daemon.pattern({ owner, verb: 'drain' }),
          ...discovery,
        ],
        deny: [
          // Between nodes: what comes in on these has been checked already.
          ...(['create', 'open', 'unpark', 'silences'] as const).map((verb) =>
            subjects.directive.pattern({ owner, verb }),
          ),
          ...daemons.map((daemon) => subjects.report.pattern({ owner, daemon })),
        ],
      },
      subscribe: { allow: [...listens.map((subject) => under(subject.pattern({ owner }))), `_INBOX_${user}.>`] },
    },
  }
}

/** All of a noun of an owner, as people ask for it: with `>` after the noun. */
const under = (pattern: string): string => `${pattern.split('.').slice(0, 4).join('.')}.>`

/** What `nats service ls` and its like ask. */
const discovery = ['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.>`])

/** A daemon: what is its own, under its own name. */
export const daemonOf = (owner: string, name: string): BusUser => {
  const user = daemonUser(owner, name)
  const asks = ['files', 'file', 'put', 'finish'] as const
  return {
    user,
    permissions: {
      publish: {
        allow: [
          ...(['hello', 'beat', 'bye'] as const).map((verb) => subjects.daemon.pattern({ owner, id: name, verb })),
          subjects.report.pattern({ owner, daemon: name }),
          subjects.output.pattern({ owner }),
          ...asks.map((verb) => subjects.contract.pattern({ owner, verb })),
          subjects.directive.pattern({ owner, verb: 'plan' }),
          subjects.directive.pattern({ owner, verb: 'get' }),
        ],
      },
      subscribe: { allow: [subjects.daemonSession.pattern({ owner, id: name }), `_INBOX_${user}.>`] },
      // It answers spawns and orders; whoever sent one has given up waiting long before this is over.
      allow_responses: { max: 1, expires: '2m' },
    },
  }
}

/** The user of a name, or null when it is none of ours that has an owner. */
export const readUser = (user: string): { owner: string; daemon: string | null } | null => {
  const [, owner, daemon] = /^d_(.+?)__(.+)$/.exec(user) ?? []
  const read = owner === undefined ? { owner: user.slice(2), daemon: null } : { owner, daemon: daemon ?? '' }
  try {
    const again = read.daemon === null ? `c_${ownerName(read.owner)}` : daemonUser(read.owner, read.daemon)
    return again === user ? read : null
  } catch {
    // A name that could not have been made.
    return null
  }
}

/** All of `users`, each with the permissions that follow from its name and from who else is there; the node comes first. */
export const permissionsOf = (users: readonly string[]): BusUser[] => {
  const others = users.flatMap((user) => readUser(user) ?? [])
  const daemonsOf = (owner: string): string[] =>
    others.flatMap((one) => (one.owner === owner && one.daemon !== null ? [one.daemon] : []))
  const made = others.map(({ owner, daemon }) =>
    daemon === null ? clientOf(owner, daemonsOf(owner)) : daemonOf(owner, daemon),
  )
  return [nodeAnswering(made.map(({ user }) => user)), ...made]
}

/** No chosen id holds `__`, so no two pairs of owner and name make the same user. */
export const daemonUser = (owner: string, name: string): string =>
  `d_${ownerName(owner)}__${chosenId("the daemon's name", name)}`

/** A node. It answers whoever asks, so it may publish to the inboxes of `users`, and to those of programs that are not ours. */
export const nodeAnswering = (users: readonly string[]): BusUser => {
  const inboxes = ['_INBOX.>', ...users.map((user) => `${inboxPrefixOf(user) ?? '_INBOX'}.>`)]
  return {
    user: nodeUser,
    permissions: {
      publish: { allow: [`${prefix}.>`, '$JS.API.>', '$JS.ACK.>', ...new Set(inboxes)] },
      subscribe: { allow: [`${prefix}.>`, '$SRV.>', '_INBOX.>'] },
    },
  }
}
