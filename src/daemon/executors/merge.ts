/** The executor `merge`, of the role merger: built in, since what it does to the line is Writ's own promise. */
import { failed } from '../attempts.ts'
import { followOrder } from '../line.ts'
import { withoutCredentials } from '../../protocol/repository.ts'
import type { Executor } from './executor.ts'

export const merge: Executor = async ({ spawn, folder, clone, note }) => {
  const repository = await clone()
  if (spawn.merge === null || repository === null) return failed('a merger needs an order and a repository', false)
  note(withoutCredentials(`${spawn.merge.kind} ${spawn.repository ?? ''}`))
  const result = await followOrder(spawn.merge, spawn, repository, folder)
  note(result.kind)
  return { verb: 'done', body: { merge: result } }
}
