/** Which database `writ verify` and `writ machines` look at: the one that is named, else that of the running `writ up`. */
import { foundFolder } from '../embedded/folders.ts'
import { servingOf } from '../embedded/serving.ts'
import { WritError } from '../protocol/errors.ts'
import type { Settings } from './config.ts'
import { refuseInsideTask } from './inside-task.ts'

/** Throws UNREACHABLE when none is named and nothing runs, UNAUTHORIZED inside a task, and what `foundFolder` throws. */
export const databaseUrl = (settings: Settings): string => {
  refuseInsideTask(settings)
  if (settings.database !== null) return settings.database.url
  const { dataDir, env } = settings
  const folders = foundFolder({ dataDir, env })
  const serving = servingOf(folders)
  if (serving !== undefined) return serving.database
  throw new WritError(
    'UNREACHABLE',
    `no database is there to look at: nothing serves the data folder ${folders.root}, and none was named`,
    { hint: 'start one with `writ up` first, or name one with --database-url or WRIT_DATABASE_URL' },
  )
}
