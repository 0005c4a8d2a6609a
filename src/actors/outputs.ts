/** What an attempt wrote, asked of the daemon that keeps it: nothing of it is in the records. */
import { WritError } from '../protocol/errors.ts'
import type { OutputPart } from '../protocol/task.ts'
import type { AttemptView } from '../protocol/views.ts'
import type { Host } from './host.ts'
import type { Reader } from './ports/reader.ts'

/** The attempt that is asked about, else the last, and from which byte on. */
export interface Wanted {
  attempt?: number | undefined
  offset: number
}

/** Throws NOT_FOUND when there is no such attempt or its daemon is not connected, REFUSED for one that a pull took. */
export const readOutput = async (
  host: Host,
  reader: Reader,
  owner: string,
  task: string,
  { attempt, offset }: Wanted,
): Promise<OutputPart> => {
  const view = await reader.task(owner, task)
  if (view === null) throw new WritError('NOT_FOUND', `there is no task ${task}`, { hint: 'writ task list shows them' })
  const wanted = attempt === undefined ? view.attempts.at(-1) : view.attempts.find((each) => each.attempt === attempt)
  if (wanted === undefined) throw noAttempt(task, attempt)
  const { daemons } = await host.store.registry(owner)
  const daemon = daemons.find(({ name }) => name === wanted.daemon)
  if (daemon === undefined) throw away(wanted)
  if (daemon.inbox !== null)
    throw new WritError('REFUSED', `the attempt was taken by the pull ${daemon.name}: nobody keeps its output`)
  return host.wire.output(owner, daemon.name, daemon.session, { task, attempt: wanted.attempt, offset })
}

const noAttempt = (task: string, attempt: number | undefined): WritError =>
  attempt === undefined
    ? new WritError('NOT_FOUND', `the task ${task} has not been begun: nothing was written yet`, {
        hint: 'writ task show says what it waits for',
      })
    : new WritError('NOT_FOUND', `the task ${task} has no attempt ${attempt}`, { hint: 'writ task show lists them' })

const away = ({ attempt, daemon }: AttemptView): WritError =>
  new WritError(
    'NOT_FOUND',
    `the output of attempt ${attempt} is kept by the daemon ${daemon}, which is not connected`,
    {
      hint: 'start that daemon again on its home',
    },
  )
