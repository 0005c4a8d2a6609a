/** The permissions as text to paste into the configuration of a nats-server that is not ours. Passwords are left to its operator. */
import { createHash } from 'node:crypto'
import { permissionsOf } from './permissions.ts'

/**
 * The variable that holds a user's password: the server refuses its configuration as long as it is not set. No two users have the same
 * one, of several fragments either: what a variable cannot tell apart (`a-b` and `a_b`, `Team` and `team`) a mark does, after `__`, which no
 * id holds.
 */
export const passwordVariable = (user: string): string => {
  const readable = `NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`
  if (/^[a-z0-9_]+$/.test(user)) return readable
  return `${readable}__${createHash('sha256').update(user).digest('hex').slice(0, 8).toUpperCase()}`
}

/** An `authorization` block with a node and these users. Each password is a variable, which a server does not start without. */
export const permissionsFragment = (users: readonly string[]): string => {
  const blocks = permissionsOf(users).map(({ user, permissions }) => {
    const text = JSON.stringify(permissions, null, 2).replaceAll('\n', '\n      ')
    return `    {\n      user: ${JSON.stringify(user)}\n      password: $${passwordVariable(user)}\n      permissions: ${text}\n    }\n`
  })
  return `authorization {\n  users: [\n${blocks.join('')}  ]\n}\n`
}
