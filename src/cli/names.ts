/** What people type to name something: an id, the address that commands print, or for a step its directive and name. */
import { WritError } from '../protocol/errors.ts'
import { directiveOf, isToken, readStepId, readTaskId, registryId } from '../protocol/ids.ts'
import type { DirectiveView, StepLine } from '../protocol/views.ts'

/** The id in an id or an address (`<shard>.<id>`). Throws BAD_INPUT. */
export const idOf = (what: string, text: string): string => {
  const id = text.replace(/^\d{1,3}\./, '')
  if (isToken(id)) return id
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} does not name a ${what}`, {
    hint: `a ${what} is named by its id or its address, as lists print them`,
  })
}

/** A directive's id, for looking at it; also from the id of one of its steps or tasks. */
export const directiveIdOf = (text: string): string => directiveOf(idOf('directive', text))

/** As `directiveIdOf`, for commands: who names a step does not mean the whole. */
export const wholeDirectiveIdOf = (text: string): string => {
  const id = directiveIdOf(text)
  if (id === idOf('directive', text)) return id
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} names a part of the directive ${id}`, {
    hint: `name the directive itself, ${id}, or see \`writ step\` and \`writ task\``,
  })
}

/** What names a step: its id or address, or `directive/step`, to be looked up by `get`. Throws BAD_INPUT, NOT_FOUND. */
export const stepIdOf = async (text: string, get: (directive: string) => Promise<DirectiveView>): Promise<string> => {
  const slash = text.indexOf('/')
  if (slash < 0) {
    const id = idOf('step', text)
    if (readStepId(id) !== null) return id
    throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} does not name a step`, {
      hint: 'write <directive>/<name of the step>, or the id that `writ directive show --json` prints',
    })
  }
  const view = await get(directiveIdOf(text.slice(0, slash)))
  return stepNamed(view, text.slice(slash + 1)).id
}

const stepNamed = (view: DirectiveView, name: string): StepLine => {
  const step =
    view.stepList.find((line) => line.name === name) ?? view.stepList.find((line) => String(line.index) === name)
  if (step !== undefined) return step
  const names = view.stepList.slice(0, 20).map((line) => line.name)
  throw new WritError('NOT_FOUND', `${view.id} has no step ${JSON.stringify(name.slice(0, 100))}`, {
    hint:
      names.length === 0 ? 'it has no plan yet' : `it has ${names.join(', ')}${view.stepList.length > 20 ? ', …' : ''}`,
  })
}

/** What names an actor: as a directive or a step is named, also by one of its tasks, or `registry`. Throws BAD_INPUT, NOT_FOUND. */
export const actorIdOf = async (text: string, get: (directive: string) => Promise<DirectiveView>): Promise<string> => {
  if (text === 'registry') return registryId
  if (text.includes('/')) return stepIdOf(text, get)
  const id = idOf('directive or step', text)
  return readTaskId(id)?.actor ?? id
}

/** A task's id. Throws BAD_INPUT. */
export const taskIdOf = (text: string): string => {
  const id = idOf('task', text)
  if (readTaskId(id)?.kind === 'task') return id
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} does not name a task`, {
    hint: 'see `writ task list`',
  })
}

/** A contract's id; a task's stands for its contract, which has the same number. Throws BAD_INPUT. */
export const contractIdOf = (text: string): string => {
  const id = idOf('contract', text)
  if (readTaskId(id) !== null) return id.replace(/__t(\d+)$/, '__c$1')
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 100))} does not name a contract`, {
    hint: 'see `writ task list`',
  })
}
