/**
 * Holds the history of a run against what was asked for: what was receipted is there, what was done counts once, nothing is out of order and
 * nothing is left. Each violation is a sentence.
 */
import { execFileSync } from 'node:child_process'
import { directiveOf, readTaskId } from '../../src/protocol/ids.ts'
import type { Attempt, Effect, History } from './history.ts'
import type { Sent } from './publishing.ts'
import type { Receipt } from './receipts.ts'
import { accounts, type Shape } from './shapes.ts'

/** What is known of a run from outside. */
export interface Known {
  shapes: ReadonlyMap<string, Shape>
  receiptsOf: (directive: string) => readonly Receipt[]
  /** Numbers of events as a watcher heard them. */
  heard: ReadonlyMap<string, readonly number[]>
  published: readonly Sent[]
  repository: string
}

type Tell = (violation: string) => void

const keyOf = ({ task, attempt }: { task: string; attempt: number }): string => `${task}-${attempt}`

const grouped = <T>(list: readonly T[], key: (one: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const each of list) {
    const group = groups.get(key(each))
    if (group === undefined) groups.set(key(each), [each])
    else group.push(each)
  }
  return groups
}

/** The system has accepted what this one did. */
export const isAccepted = ({ role, closed }: Attempt): boolean => role === 'worker' && closed === 'done'

export const violationsOf = (history: History, known: Known): string[] => {
  const found: string[] = []
  const tell: Tell = (violation) => void found.push(violation)
  const accepted = history.attempts.filter(isAccepted)
  for (const shape of known.shapes.values()) {
    checkReceipts(history, known, shape, tell)
    checkSteps(history, known, shape, accepted, tell)
  }
  checkEffects(history, accepted, tell)
  checkMoney(history, known, accepted, tell)
  checkHeard(history, known, tell)
  checkPublished(history, known, tell)
  for (const line of history.torn) tell(`a line of an effect is torn: ${line}`)
  for (const [table, count] of Object.entries(history.left)) tell(`${count} ${table} are left although all has ended`)
  return found
}

/** All that was answered well is in the journal, once and in the order of the answers, and nothing else that a person would have said. */
const checkReceipts = ({ directives, told, cut }: History, { receiptsOf }: Known, { id }: Shape, tell: Tell): void => {
  const receipts = receiptsOf(id)
  const directive = directives.get(id)
  if (directive === undefined) {
    if (receipts.length > 0) tell(`${id} was created, so we were told, and is not there`)
    return
  }
  if (cut.has(id)) return
  const said = receipts.filter(({ verb }) => verb !== 'create' && verb !== 'delete')
  // The plan of a planner is told by its task, in the name of its owner.
  const heard = (told.get(id) ?? []).filter((verb) => verb !== 'plan')
  // What is refused changes nothing: it may be heard, and more than once.
  const right = said.map(({ verb, refused }) => (refused === null ? `${verb} ` : `(${verb} )*`)).join('')
  if (!new RegExp(`^${right}$`).test(heard.map((verb) => `${verb} `).join('')))
    tell(`${id} was told [${heard.join(' ')}] by persons, and answered [${said.map(({ verb }) => verb).join(' ')}]`)
}

/** Each step of what was completed has passed, and each round of its work was accepted once. */
const checkSteps = (
  history: History,
  { receiptsOf }: Known,
  shape: Shape,
  accepted: readonly Attempt[],
  tell: Tell,
): void => {
  const { id, name, transfers, ends } = shape
  const status = history.directives.get(id)?.status
  if (status === undefined) return
  if (status !== ends) tell(`${id} is ${status}, and was to be ${ends}`)
  for (const step of transfers.keys()) {
    const row = history.steps.get(`${id} ${step}`)
    const count = accepted.filter(({ actor }) => row?.actor === actor).length
    if (status !== 'completed') {
      if (count > 1) tell(`${count} attempts of ${id} ${step} were accepted`)
      continue
    }
    if (row?.status !== 'passed') tell(`${id} is completed, and its step ${step} is ${row?.status ?? 'not there'}`)
    const rejected = receiptsOf(id).filter(({ verb, refused }) => verb === 'reject' && refused === null).length
    const [least, most] =
      name === 'rework' && step === 'a'
        ? [1, 6]
        : name === 'approved' && step === 'b'
          ? [1 + rejected, 1 + rejected]
          : name === 'published'
            ? [0, 0]
            : [1, 1]
    // A conflict of a merge is a rework, of whichever of the two came second.
    if (count < least || (count > most && name !== 'repository'))
      tell(
        `${count} attempts of ${id} ${step} were accepted, and ${most === least ? most : `${least} to ${most}`} were to be`,
      )
  }
}

/** One line of each attempt at most; of those that were accepted one, with the word that they have reported. */
const checkEffects = ({ attempts, effects }: History, accepted: readonly Attempt[], tell: Tell): void => {
  const known = new Set(attempts.map(keyOf))
  const lines = grouped(effects, keyOf)
  for (const [key, of] of lines) {
    if (!known.has(key)) tell(`${key} has done something, and nothing is known of it`)
    if (of.length > 1) tell(`${key} has done its work ${of.length} times`)
  }
  for (const attempt of accepted) {
    const line = lines.get(keyOf(attempt))?.[0]
    if (line === undefined) tell(`${keyOf(attempt)} was accepted, and has done nothing`)
    else if (attempt.result?.endsWith(line.word) !== true)
      tell(`${keyOf(attempt)} has reported ${String(attempt.result).slice(0, 80)}, and has done ${line.word}`)
  }
  for (const [task, of] of grouped(accepted, ({ task }) => task)) {
    if (of.length > 1) tell(`${of.length} attempts of the task ${task} were accepted`)
  }
}

/**
 * Each step of what was completed has moved its money exactly once: what that is, the plans alone say. Of a step counts what was accepted in
 * its last round, for what earlier rounds did was sent back.
 */
const checkMoney = (history: History, { shapes }: Known, accepted: readonly Attempt[], tell: Tell): void => {
  const isCompleted = (directive: string): boolean => history.directives.get(directive)?.status === 'completed'
  // Nobody does the work of steps that are ended from outside.
  const isDone = ({ id, name }: Shape): boolean => name !== 'published' && isCompleted(id)
  const expected = balancesOf(
    [...shapes.values()].flatMap((shape) => (isDone(shape) ? [...shape.transfers.values()] : [])),
  )
  const last = new Set(
    [...grouped(accepted, ({ directive, actor }) => `${directive} ${actor}`).values()].flatMap(ofLastRound).map(keyOf),
  )
  const moved = balancesOf(history.effects.filter((effect) => isCompleted(effect.directive) && last.has(keyOf(effect))))
  for (const account of accounts) {
    const [has, should] = [moved.get(account) ?? 0, expected.get(account) ?? 0]
    if (has !== should) tell(`the account ${account} stands at ${has}, and is to stand at ${should}`)
  }
}

/** Each round of a step is a task of its own; all of these are of one step. */
const ofLastRound = (accepted: readonly Attempt[]): Attempt[] => {
  const roundOf = ({ task }: Attempt): number => readTaskId(task)?.number ?? 0
  const last = Math.max(...accepted.map(roundOf))
  return accepted.filter((attempt) => roundOf(attempt) === last)
}

const balancesOf = (transfers: readonly Pick<Effect, 'from' | 'to' | 'amount'>[]): Map<string, number> => {
  const balances = new Map<string, number>()
  for (const { from, to, amount } of transfers) {
    balances.set(from, (balances.get(from) ?? 0) - amount)
    balances.set(to, (balances.get(to) ?? 0) + amount)
  }
  return balances
}

/** A watcher hears of every event, once and in its order; those that are not forgotten are numbered without a gap, and the last one is there. */
const checkHeard = ({ directives }: History, { heard, shapes }: Known, tell: Tell): void => {
  for (const id of shapes.keys()) {
    const events = directives.get(id)?.events ?? []
    const [first, last] = [events[0] ?? 1, events.at(-1) ?? 0]
    const gap = events.findIndex((number, at) => number !== first + at)
    if (gap !== -1) tell(`event ${first + gap} of ${id} is not there`)
    const came = heard.get(id) ?? []
    const right = Array.from({ length: last }, (_, at) => at + 1)
    if (came.join() !== right.join())
      tell(`a watcher heard the events ${shortly(came)} of ${id}, which has ${shortly(events)}`)
  }
}

/**
 * Of what was published to end a step one is in the journal, once: the others came too late. It may be that none is only where the stream
 * has told of none that it has it, or was wiped, and where the journal was cut before it could be read.
 */
const checkPublished = ({ endedAs, cut }: History, { published }: Known, tell: Tell): void => {
  for (const [actor, of] of grouped(published, (sent) => sent.actor)) {
    const words = new Set(of.map(({ word }) => word))
    const count = (endedAs.get(actor) ?? []).filter((result) => words.has(result)).length
    const kept = of.filter(({ incarnation, wiped }) => incarnation !== null && !wiped).length
    const isMissed = count === 0 && kept > 0 && !cut.has(directiveOf(actor))
    if (count > 1 || isMissed)
      tell(`${actor} was ended ${count} times by what was published, of which the stream had ${kept}`)
  }
}

const shortly = (numbers: readonly number[]): string =>
  numbers.length > 40 ? `${numbers.slice(0, 40).join()} … ${numbers.at(-1)}` : numbers.join()

/** Each step of a directive with a repository is in its line once. */
export const repositoryViolations = (history: History, { shapes, repository }: Known): string[] =>
  [...shapes.values()].flatMap(({ id, name, transfers }) => {
    if (name !== 'repository' || history.directives.get(id)?.status !== 'completed') return []
    const git = (...args: string[]): string => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' })
    const line = `refs/heads/writ/${id}/line`
    return [...transfers.keys()].flatMap((step) => {
      const content = git('show', `${line}:${step}.txt`)
      return content === `${step}\n` ? [] : [`the line of ${id} has ${JSON.stringify(content)} of the step ${step}`]
    })
  })
