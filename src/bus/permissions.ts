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

/** The inbox prefix that a user must connect with: its own. `undefined` (the library's own) for users that are not ours. */
export const inboxPrefixOf = (user: string): string | undefined => (/^[cd]_/.test(user) ? `_INBOX_${user}` : undefined)

/** The inbox prefix that goes with the user in a NATS URL. */
export const inboxPrefixOfUrl = (url: string): string | undefined => {
  const user = /^[a-z]+:\/\/([^/@:]+):[^/@]*@/.exec(url)?.[1]
  return user === undefined ? undefined : inboxPrefixOf(decodeURIComponent(user))
}

/** A client of an owner: people, the command line, scripts (which may take tasks by `pull` and report them). */
export const clientOf = (owner: string): BusUser => {
  const user = `c_${ownerName(owner)}`
  const asks = [subjects.api, subjects.directive, subjects.step, subjects.contract, subjects.task, subjects.report]
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
        // Between nodes: what comes in on it has been checked already.
        deny: [subjects.directive.pattern({ owner, verb: 'create' })],
      },
      subscribe: { allow: [...listens.map((subject) => subject.pattern({ owner })), `_INBOX_${user}.>`] },
    },
  }
}

/** What `nats service ls` and its like ask. */
const discovery = ['$SRV.PING', '$SRV.INFO', '$SRV.STATS', '$SRV.*.>']

/** A daemon: what is its own, under its own name. */
export const daemonOf = (owner: string, name: string): BusUser => {
  const user = daemonUser(owner, name)
  const reads = ['files', 'file', 'put', 'finish'] as const
  return {
    user,
    permissions: {
      publish: {
        allow: [
          subjects.daemon.pattern({ owner, id: name }),
          subjects.report.pattern({ owner, daemon: name }),
          subjects.output.pattern({ owner }),
          ...reads.map((verb) => subjects.contract.pattern({ owner, verb })),
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

/** No chosen id holds `__`, so no two pairs of owner and name make the same user. */
export const daemonUser = (owner: string, name: string): string =>
  `d_${ownerName(owner)}__${chosenId("the daemon's name", name)}`

/** A node. It answers whoever asks, so it may publish to the inboxes of `users`, and to those of programs that are not ours. */
export const nodeAnswering = (users: readonly string[]): BusUser => {
  const inboxes = ['_INBOX.>', ...users.map((user) => `${inboxPrefixOf(user) ?? '_INBOX'}.>`)]
  const own = [`${prefix}.>`, '$JS.>', '$SRV.>']
  return {
    user: 'node',
    permissions: {
      publish: { allow: [...own, ...new Set(inboxes)] },
      subscribe: { allow: [...own, '_INBOX.>'] },
    },
  }
}
