/** The records of work against the machines: each actor's tasks, attempts and evaluations are those that its machine counts. */
import type { ActorColumns, AttemptColumns, TaskColumns } from '../actors/ports/survey.ts'
import { roleOf } from '../machines/task.ts'
import { actorKey, contractId, readKey, readStepId, taskId } from '../protocol/ids.ts'
import { grouped } from './grouped.ts'
import type { Scene } from './scene.ts'
import type { State } from './state.ts'
import type { Tell } from './tell.ts'

/** What the record of a task may say while its machine does this. */
const statusesOf: Readonly<Record<string, readonly string[]>> = {
  queued: ['pending'],
  backoff: ['pending'],
  starting: ['starting'],
  working: ['running'],
  stopping: ['starting', 'running'],
  wrapping: ['starting', 'running'],
}

export const checkTasks = (scene: Scene, tell: Tell): void => {
  const { tasks, attempts, evaluations, actors } = scene.part
  const tasksOf = grouped(tasks, ({ actor }) => actor)
  const attemptsOf = grouped(attempts, ({ actor }) => actor)
  const evaluationsOf = grouped(evaluations, ({ step }) => step)
  for (const row of tasks) checkTaskPlace(scene, row, tell)
  for (const row of attempts) checkAttemptPlace(scene, row, tell)
  for (const row of actors) {
    const state = scene.states.get(row.key)
    if (state === undefined) continue
    const own = tasksOf.get(row.key) ?? []
    checkTaskRows(scene, row, state, own, tell)
    checkAttempts(scene, row, state, attemptsOf.get(row.key) ?? [], tell)
    checkEvaluations(row, state, evaluationsOf.get(readStepId(row.id)?.index ?? null) ?? [], own, tell)
  }
}

const checkTaskPlace = (scene: Scene, row: TaskColumns, tell: Tell): void => {
  const { owner, id } = readKey(row.actor)
  const key = actorKey(row.owner, row.id)
  if (scene.actor(row.actor) === undefined)
    return tell('actor-missing', 'tasks', key, `a task of ${row.actor}`, 'an actor that is there')
  const right = {
    owner,
    id: taskId(id, row.number),
    contract: contractId(id, row.number),
    directive: scene.key,
    step: readStepId(id)?.index ?? null,
    role: roleOf[row.purpose],
  }
  for (const name of ['owner', 'id', 'contract', 'directive', 'step', 'role'] as const)
    if (row[name] !== right[name])
      tell('wrong-place', 'tasks', key, `${name} ${String(row[name])}`, `${name} ${String(right[name])}`)
}

const checkAttemptPlace = (scene: Scene, row: AttemptColumns, tell: Tell): void => {
  const { owner, id } = readKey(row.actor)
  const key = attemptName(row)
  const actor = scene.actor(row.actor)
  if (actor === undefined)
    return tell('actor-missing', 'attempts', key, `an attempt of ${row.actor}`, 'an actor that is there')
  const right = { owner, task: taskId(id, row.number), directive: scene.key, shard: actor.shard }
  for (const name of ['owner', 'task', 'directive', 'shard'] as const)
    if (row[name] !== right[name])
      tell('wrong-place', 'attempts', key, `${name} ${String(row[name])}`, `${name} ${String(right[name])}`)
  if ((row.closedAt === null) !== (row.closed === null))
    tell('attempt-differs', 'attempts', key, `closed as ${row.closed} at ${row.closedAt}`, 'both or neither')
  if (row.closedAt === null && !(row.deadline > row.openedAt))
    tell('attempt-without-deadline', 'attempts', key, `the deadline ${row.deadline}`, `one after ${row.openedAt}`)
}

const attemptName = ({ owner, task, attempt }: AttemptColumns): string => `${actorKey(owner, task)}/${attempt}`

/** Numbers from 1 to `count`, each once: those that are missing, and those that are more. */
const numbersOf = (numbers: readonly number[], count: number): { missing: number[]; more: number[] } => {
  const there = new Set(numbers)
  const all = Array.from({ length: count }, (_, at) => at + 1)
  const more = numbers.filter((number, at) => number < 1 || number > count || numbers.indexOf(number) !== at)
  return { missing: all.filter((number) => !there.has(number)), more }
}

const checkTaskRows = (
  scene: Scene,
  { owner, id, key }: ActorColumns,
  state: State,
  rows: readonly TaskColumns[],
  tell: Tell,
): void => {
  const { missing, more } = numbersOf(
    rows.map(({ number }) => number),
    state.tasks,
  )
  for (const number of missing)
    tell('task-missing', 'tasks', actorKey(owner, taskId(id, number)), 'nothing', `the record of task ${number}`)
  for (const number of more)
    tell('task-differs', 'tasks', actorKey(owner, taskId(id, number)), `task ${number}`, `${state.tasks} tasks`)
  for (const row of rows) {
    const isOpen = row.number === state.task?.number
    const name = actorKey(row.owner, row.id)
    const { status, endedAt } = row
    const allowed = statusesOf[state.phase ?? ''] ?? []
    if (isOpen && endedAt !== null)
      tell('task-differs', 'tasks', name, `${status}, ended`, `a task that is ${state.phase}`)
    else if (!isOpen && endedAt === null) tell('task-differs', 'tasks', name, status, 'a task that has ended')
    else if (isOpen && !allowed.includes(status) && !scene.isExcused(key))
      tell('task-differs', 'tasks', name, status, `${allowed.join(' or ')}, as its machine is ${state.phase}`)
    else if (isOpen && row.purpose !== state.task?.purpose)
      tell('task-differs', 'tasks', name, row.purpose, `${state.task?.purpose}, as its machine has it`)
    else if (isOpen && state.open !== null && row.attempt !== state.open.attempt)
      tell('task-differs', 'tasks', name, `attempt ${row.attempt}`, `attempt ${state.open.attempt}`)
  }
}

const checkAttempts = (
  scene: Scene,
  { key, owner }: ActorColumns,
  state: State,
  rows: readonly AttemptColumns[],
  tell: Tell,
): void => {
  const { missing, more } = numbersOf(
    rows.map(({ attempt }) => attempt),
    state.attempts,
  )
  for (const number of missing)
    tell('attempt-missing', 'attempts', `${key}, attempt ${number}`, 'nothing', `the record of attempt ${number}`)
  for (const number of more)
    tell('attempt-stray', 'attempts', `${key}, attempt ${number}`, `attempt ${number}`, `${state.attempts} attempts`)
  for (const row of rows) {
    if (row.closedAt !== null || more.includes(row.attempt)) continue
    if (state.open?.nonce !== row.nonce || state.open.attempt !== row.attempt)
      tell('attempt-stray', 'attempts', attemptName(row), 'open', `closed: ${key} knows nothing of it`)
    else checkOpen(state, row, tell)
  }
  const { open } = state
  if (open === null || scene.isExcused(key) || missing.includes(open.attempt)) return
  const row = rows.find(({ attempt }) => attempt === open.attempt)
  if (row?.closedAt !== null)
    tell('attempt-differs', 'attempts', `${actorKey(owner, row?.task ?? '')}/${open.attempt}`, 'closed', 'open')
}

const checkOpen = ({ open, phase }: State, row: AttemptColumns, tell: Tell): void => {
  if (open === null) return
  const accepted = phase === 'starting' ? false : phase === 'working' ? true : row.accepted
  const right = { number: open.number, grant: open.grant, role: open.role, accepted }
  for (const name of ['number', 'grant', 'role', 'accepted'] as const)
    if (row[name] !== right[name])
      tell('attempt-differs', 'attempts', attemptName(row), `${name} ${row[name]}`, `${name} ${right[name]}`)
}

const checkEvaluations = (
  { key }: ActorColumns,
  { evaluations }: State,
  rows: readonly { number: number; task: number }[],
  tasks: readonly TaskColumns[],
  tell: Tell,
): void => {
  const { missing, more } = numbersOf(
    rows.map(({ number }) => number),
    evaluations,
  )
  for (const number of missing)
    tell('evaluation-missing', 'evaluations', `${key} ${number}`, 'nothing', `the record of evaluation ${number}`)
  for (const number of more)
    tell('evaluation-missing', 'evaluations', `${key} ${number}`, `evaluation ${number}`, `${evaluations} evaluations`)
  for (const row of rows)
    if (!tasks.some(({ number, role }) => number === row.task && role === 'evaluator'))
      tell('evaluation-missing', 'evaluations', `${key} ${row.number}`, `of task ${row.task}`, "an evaluator's task")
}

/** Tasks and grants with more than one open attempt. */
export const checkDoubled = (scene: Scene, tell: Tell): void => {
  const open = scene.part.attempts.filter(({ closedAt }) => closedAt === null)
  for (const name of ['task', 'grant'] as const)
    for (const [key, rows] of grouped<string, AttemptColumns>(open, (row) => row[name]))
      if (rows.length > 1)
        tell(
          'attempt-doubled',
          'attempts',
          actorKey(readKey(scene.key).owner, key),
          `${rows.length} open attempts`,
          'at most one',
        )
}
