/**
 * Inside a task `writ` speaks for this task alone. The person whose daemon runs the task may have left a login in the same
 * user's folders: this keeps it from being used by mistake. (Against malice only another user or machine helps.)
 */
import { WritError } from '../protocol/errors.ts'
import type { Settings } from './config.ts'

/** Before anything of the person's data folder is used. Throws UNAUTHORIZED inside a task. */
export const refuseInsideTask = ({ insideTask }: Pick<Settings, 'insideTask'>): void => {
  if (insideTask === null) return
  throw new WritError(
    'UNAUTHORIZED',
    'inside a task writ speaks for this task alone, and not with the login of who runs its daemon',
    {
      hint: 'its own files: `writ contract …`; its directive: `writ directive show`; a plan: `writ directive plan`; a server with a login for it: --nats-url',
    },
  )
}
