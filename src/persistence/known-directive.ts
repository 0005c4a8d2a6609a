/** For a list of one directive: that nothing is on it is said of a directive that is there. */
import { WritError } from '../protocol/errors.ts'
import { actorKey } from '../protocol/ids.ts'
import type { Connection } from './connection.ts'

/** Throws NOT_FOUND. */
export const checkDirective = async (connection: Connection, owner: string, directive: string): Promise<void> => {
  const found = await connection.run(
    (sql) => sql`select from writ.directives where key = ${actorKey(owner, directive)}`,
  )
  if (found.length > 0) return
  throw new WritError('NOT_FOUND', `there is no directive ${directive}`, {
    hint: 'writ directive list shows what there is',
  })
}
