/** What may stand next on a command line, found in the tree of commands itself, so that it is never out of date. */
import type { Argument, Command, Option } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { subjects } from '../bus/subjects.ts'
import type { ParkedLine } from '../protocol/parked.ts'
import type { DirectiveLine, Page, TaskLine } from '../protocol/views.ts'
import type { Context } from './context.ts'

export interface Candidate {
  value: string
  text: string
}

/** Fills in a group's commands, which are loaded when they are reached. */
export type Fill = (group: Command) => Promise<void>

/** The candidates for the last of `words` (it may be empty), after those before it. None: the shell offers files. */
export const candidatesFor = async (
  program: Command,
  words: readonly string[],
  { fill, context }: { fill: Fill; context: () => Context },
): Promise<Candidate[]> => {
  const before = words.slice(0, -1)
  const typed = words.at(-1) ?? ''
  const { command, awaited, operands } = await walk(program, before, fill)
  const all = await candidates({ command, awaited, operands, typed }, context)
  return all.filter(({ value }) => value.startsWith(typed))
}

interface Place {
  command: Command
  /** The option whose value comes next. */
  awaited: Option | null
  /** How many arguments the command has been given. */
  operands: number
}

const walk = async (program: Command, words: readonly string[], fill: Fill): Promise<Place> => {
  let place: Place = { command: program, awaited: null, operands: 0 }
  for (const word of words) {
    const { command, operands } = place
    if (place.awaited !== null) place = { ...place, awaited: null }
    else if (word.startsWith('-')) place = { ...place, awaited: optionAwaiting(command, word) }
    else {
      const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      if (next !== undefined && command === program) await fill(next)
      place = next === undefined ? { ...place, operands: operands + 1 } : { command: next, awaited: null, operands: 0 }
    }
  }
  return place
}

const optionAwaiting = (command: Command, word: string): Option | null =>
  optionsOf(command).find(
    ({ short, long, required, optional }) => (word === short || word === long) && (required || optional),
  ) ?? null

/** Those of the whole program stand behind every command. */
const optionsOf = (command: Command): Option[] => {
  const help = command.createHelp()
  help.showGlobalOptions = true
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)]
}

const candidates = async (
  { command, awaited, operands, typed }: Place & { typed: string },
  context: () => Context,
): Promise<Candidate[]> => {
  if (awaited !== null) return (awaited.argChoices ?? []).map((value) => ({ value, text: '' }))
  if (typed.startsWith('-'))
    return optionsOf(command).map((option) => ({ value: option.long ?? option.flags, text: option.description }))
  if (command.commands.length > 0)
    return command
      .createHelp()
      .visibleCommands(command)
      .map((one) => ({ value: one.name(), text: one.summary() || one.description() }))
  const argument = command.registeredArguments[operands]
  return argument === undefined ? [] : valuesOf(argument, context)
}

/** Nobody waits longer for a Tab, in ms. */
const patienceMs = 1_000
const idsMax = 200

/** What a node knows of, when it answers at once. */
const valuesOf = async (argument: Argument, context: () => Context): Promise<Candidate[]> => {
  if (argument.argChoices !== undefined) return argument.argChoices.map((value) => ({ value, text: '' }))
  const noun = argument.name()
  if (noun !== 'directive' && noun !== 'task' && noun !== 'parked') return []
  const late = delay(patienceMs, [], { ref: false })
  const listed = (noun === 'parked' ? parkedIds(context()) : idsOf(noun, context())).catch(() => [])
  return Promise.race([listed, late])
}

const parkedIds = async (context: Context): Promise<Candidate[]> => {
  const { bus, owner } = await context.link()
  const page = await bus.request(
    subjects.api.at({ owner, noun: 'parked', verb: 'list' }),
    { limit: idsMax },
    patienceMs,
  )
  const { lines } = page as Page<ParkedLine>
  return lines.map(({ id, kind, type, reason }) => ({ value: id, text: `${type ?? kind}: ${reason}` }))
}

const idsOf = async (noun: 'directive' | 'task', context: Context): Promise<Candidate[]> => {
  const { bus, owner } = await context.link()
  const query = { limit: idsMax, ...(noun === 'task' ? { state: 'open' } : {}) }
  const page = await bus.request(subjects.api.at({ owner, noun, verb: 'list' }), query, patienceMs)
  const { lines } = page as Page<DirectiveLine | TaskLine>
  return lines.map((line) => ({ value: line.id, text: 'title' in line ? `${line.status}: ${line.title}` : line.name }))
}
