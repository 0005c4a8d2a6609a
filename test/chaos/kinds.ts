/** The kinds of faults, with what each does. docs/chaos.md has the same table. */
export const faultKinds = {
  'node-kill': 'kill -9 of a node, which is started again',
  'node-stop': 'SIGSTOP of a node for longer than its lease, then SIGCONT',
  'node-leave': 'a node leaves in order, and another joins',
  'node-storm': 'a node is killed and started again, five times within some ten seconds',
  'nodes-rolling': 'all nodes are replaced in order, one after the other',
  'nodes-upgrade':
    'all nodes are replaced, one after the other, by those of a build whose steps have a version more, with a migration',
  'thread-end': 'one thread of a node ends by itself',
  'thread-loop': 'one thread of a node stands still: its event loop does not turn any more',
  'daemon-kill': 'kill -9 of a daemon, which is started again on its home',
  'daemon-stop': 'SIGSTOP of a daemon, then SIGCONT',
  'nats-kill': 'kill -9 of nats-server, which is started again',
  'nats-stop': 'SIGSTOP of nats-server, then SIGCONT',
  'nats-wipe': 'nats-server is ended, all that it has stored is deleted, and it is started anew',
  'postgres-terminate': 'pg_terminate_backend of all sessions, a few times',
  'postgres-crash': 'kill -9 of one backend: Postgres ends all others and recovers',
  'postgres-immediate': 'Postgres is ended in its mode `immediate` and started again',
  'postgres-stop': 'SIGSTOP of Postgres with all its backends, then SIGCONT',
  'link-before': 'connections are cut when something is to be sent on them: it does not arrive',
  'link-after': 'connections are cut after something was sent on them: the answer does not arrive',
  'link-half-open': 'connections stay open, and nothing comes through them any more',
  'link-trickle': 'connections let through a few bytes at a time',
  'disk-full': 'the file system of Postgres is full',
} as const

export type Kind = keyof typeof faultKinds

export const kinds = Object.keys(faultKinds) as Kind[]
