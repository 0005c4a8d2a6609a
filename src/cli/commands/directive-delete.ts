/** `writ directive delete`: what has ended, or never began, goes for good; said before, and asked for. */
import { WritError } from '../../protocol/errors.ts'
import { type DirectiveView, endedStatuses } from '../../protocol/views.ts'
import { confirmed } from '../confirm.ts'
import { show, type Context } from '../context.ts'
import { counted } from '../counted.ts'
import { wholeDirectiveIdOf } from '../names.ts'

export const remove = async (context: Context, name: string, { yes }: { yes?: true }): Promise<void> => {
  const id = wholeDirectiveIdOf(name)
  const { terminal, world, flagsText } = context
  const { api } = await context.link()
  const view = await api.glance(id)
  refuseRunning(view)
  if (yes !== true && !(await confirmed(world, `${whatGoes(view)}\nDelete it?`))) {
    throw new WritError('REFUSED', 'nothing was deleted', {
      hint: `writ directive show ${id} shows what there is of it`,
    })
  }
  const deleted = await api.tell(id, 'delete')
  show(context, { deleted }, () => terminal.print(`${id}\tdeleted`))
  context.next(`writ directive list${flagsText}`)
}

/** The node says the same: here it is said before anybody is asked. */
const refuseRunning = ({ id, status }: DirectiveView): void => {
  if (endedStatuses.has(status) || status === 'draft') return
  throw new WritError('REFUSED', `the directive ${id} is ${status}: only what has ended is deleted`, {
    hint: `writ directive cancel ${id} ends it`,
  })
}

const whatGoes = ({ id, title, status, steps, events }: DirectiveView): string =>
  `${id} (${title}) is ${status}. With it go ${counted(steps, 'step')}, ${counted(events, 'event')}, all tasks, evaluations and files, and ` +
  'what it can be replayed from. Branches in its repository stay.'
