/**
 * Every subject of version 1, declared once: nobody else writes one. Senders use `at`, listeners `pattern` and `read`,
 * and both check what travels with the `payload` of the message. The wire's documentation is generated from this file.
 */
import { z } from 'zod'
import * as answers from '../protocol/answers.ts'
import {
  contractCommands,
  createDirective,
  createInner,
  directiveCommands,
  eventLine,
  eventsQuery,
  daemonsQuery,
  directivesQuery,
  tasksQuery,
  nothing,
  outputLines,
  pullInput,
  stepCommands,
  taskCommands,
} from '../protocol/commands.ts'
import { sightingMessage } from '../protocol/inspection.ts'
import { silencesQuery } from '../protocol/figures.ts'
import { WritError } from '../protocol/errors.ts'
import { isToken } from '../protocol/ids.ts'
import { beat, hello, order, outputOrder, outputPart, reports, spawn } from '../protocol/task.ts'
import { waitingQuery } from '../protocol/waiting.ts'
import { actorMessages } from './actor-messages.ts'
import { actorsMessages } from './actors-messages.ts'
import { parkedOfApi, unpark } from './parked-messages.ts'
import { publish, request, streamed, subject } from './subject.ts'
import { sysMessages } from './sys-messages.ts'

/** What every subject begins with. */
export const prefix = 'writ.v1'

/** Read by the same version of Writ that wrote it. */
const inner = z.looseObject({})
const ofSession = z.object({ session: z.string().min(1).max(100) })

export const subjects = {
  api: subject('writ.v1.{owner}.api.{noun}.{verb}', {
    meaning: 'Commands and questions that are for no actor in particular.',
    from: 'client',
    to: 'any node (queue group)',
    messages: {
      'directive.create': request(
        createDirective,
        'Makes a directive; the same id with the same content answers with the one that is there.',
        answers.briefAnswer,
      ),
      'directive.list': request(directivesQuery, 'Lists directives, newest first.', answers.directivesAnswer),
      'daemon.list': request(daemonsQuery, 'Lists daemons with their slots.', answers.daemonsAnswer),
      'task.list': request(tasksQuery, 'Lists tasks and what each of them waits for.', answers.tasksAnswer),
      'waiting.list': request(
        waitingQuery,
        'Lists every actor that has not ended: what it waits for, since when, until when, and who can end that. Longest first.',
        answers.waitingAnswer,
      ),
      ...parkedOfApi,
      'event.list': request(
        eventsQuery,
        'Lists what the directives of the owner have told since a time, oldest first.',
        answers.allEventsAnswer,
      ),
      'node.list': request(
        nothing,
        'Lists the threads of all nodes that have a lease, also those that say nothing.',
        answers.leasesAnswer,
      ),
      'owner.figures': request(nothing, 'Counts what there is of the owner, and what waits.', answers.figuresAnswer),
      'owner.open': request(
        nothing,
        "Makes the owner's registry, so that daemons may come before the first directive.",
        answers.emptyAnswer,
      ),
    },
  }),
  directive: subject('writ.v1.{owner}.directive.{shard}.{id}.{verb}', {
    meaning: 'Commands to one directive.',
    from: 'client',
    to: "the shard's holder",
    messages: {
      create: request(
        createInner,
        "From the node that took `api.directive.create` to the directive's holder.",
        answers.briefAnswer,
      ),
      open: request(
        nothing,
        "From the node that took `api.owner.open` to the holder of the owner's registry.",
        answers.emptyAnswer,
      ),
      start: request(directiveCommands.start, 'Starts a draft.', answers.briefAnswer),
      plan: request(directiveCommands.plan, 'Submits a plan.', answers.briefAnswer),
      get: request(
        directiveCommands.get,
        'Shows the directive, its steps and what each part waits for.',
        answers.directiveAnswer,
      ),
      pause: request(directiveCommands.pause, 'Dispatches nothing new; what runs goes on.', answers.briefAnswer),
      resume: request(directiveCommands.resume, 'Dispatches again what is ready.', answers.briefAnswer),
      cancel: request(
        directiveCommands.cancel,
        'Stops every task and ends the directive as cancelled.',
        answers.briefAnswer,
      ),
      retry: request(directiveCommands.retry, 'Takes up a failed or cancelled directive again.', answers.briefAnswer),
      mend: request(
        directiveCommands.mend,
        'What is parked of the directive and its steps is tried again.',
        answers.briefAnswer,
      ),
      delete: request(
        directiveCommands.delete,
        'Deletes one that has ended, or a draft, with all that is stored of it. Answers with how it stood.',
        answers.briefAnswer,
      ),
      evaluate: request(
        directiveCommands.evaluate,
        'Asks for an evaluation of a step of the current chain.',
        answers.briefAnswer,
      ),
      steps: request(
        directiveCommands.steps,
        'Shows more of the steps: a large plan comes in pages.',
        answers.stepsAnswer,
      ),
      events: request(
        directiveCommands.events,
        'Answers with the events after a number: how a watcher closes a gap.',
        answers.eventsAnswer,
      ),
      unpark,
      silences: request(silencesQuery, 'From node to registry: how long daemons were silent.', answers.silencesAnswer),
    },
  }),
  step: subject('writ.v1.{owner}.step.{shard}.{id}.{verb}', {
    meaning: 'Commands to one step.',
    from: 'client',
    to: "the shard's holder",
    messages: {
      evaluate: request(stepCommands.evaluate, 'Asks for an evaluation.', answers.briefAnswer),
      approve: request(stepCommands.approve, 'A held step goes on as with a passed verdict.', answers.briefAnswer),
      reject: request(stepCommands.reject, 'A held step is reworked with this feedback.', answers.briefAnswer),
      retry: request(stepCommands.retry, 'A failed or held step is done again.', answers.briefAnswer),
      cancel: request(stepCommands.cancel, 'Ends a held step as failed.', answers.briefAnswer),
      get: request(stepCommands.get, 'Shows the step.', answers.stepAnswer),
    },
  }),
  contract: subject('writ.v1.{owner}.contract.{shard}.{id}.{verb}', {
    meaning: 'The files of a piece of delegated work, and its completion.',
    from: 'agent',
    to: "the shard's holder",
    messages: {
      files: request(contractCommands.files, 'Lists the files.', answers.filesAnswer),
      file: request(contractCommands.file, 'Reads a chunk of a file.', answers.fileAnswer),
      put: request(contractCommands.put, 'Writes a chunk of a file.', answers.putAnswer),
      finish: request(
        contractCommands.finish,
        'Marks the work as complete, and says whether that counted.',
        answers.contractAnswer,
      ),
      complete: streamed(contractCommands.complete, 'Marks the work as complete, without an answer.'),
    },
  }),
  task: subject('writ.v1.{owner}.task.{shard}.{id}.{verb}', {
    meaning: 'A person ends a task by hand, or looks at it.',
    from: 'person',
    to: "the shard's holder",
    messages: {
      end: request(
        taskCommands.end,
        'Ends the task as done or failed, and says whether that counted.',
        answers.taskAnswer,
      ),
      get: request(taskCommands.get, 'Shows the task.', answers.taskViewAnswer),
      output: request(
        taskCommands.output,
        "A part of an attempt's output, from its daemon: while it runs and afterwards.",
        outputPart,
      ),
      done: streamed(taskCommands.done, 'Ends the task as done, without an answer.'),
      failed: streamed(taskCommands.failed, 'Ends the task as failed, without an answer.'),
    },
  }),
  mail: subject('writ.v1.{owner}.mail.{shard}.{id}', {
    meaning:
      'What one actor tells another, after its commit. The row in the database is the truth; this only saves a look at it.',
    from: "an actor's shard",
    to: "the shard's holder",
    messages: { mail: publish(inner, 'A message, or just "look".') },
  }),
  report: subject('writ.v1.{owner}.report.{shard}.{id}.{daemon}.{verb}', {
    meaning: 'What a daemon says about an attempt. It keeps the report until it has the receipt.',
    from: 'daemon',
    to: "the shard's holder",
    messages: {
      accepted: request(reports.accepted, 'The attempt was taken up.', answers.receiptAnswer),
      progress: request(reports.progress, 'The attempt is getting on.', answers.receiptAnswer),
      done: request(reports.done, 'The attempt has ended well.', answers.receiptAnswer),
      failed: request(reports.failed, 'The attempt has failed.', answers.receiptAnswer),
    },
  }),
  daemon: subject('writ.v1.{owner}.daemon.{id}.{verb}', {
    meaning: 'A daemon comes, lives and goes.',
    from: 'daemon',
    to: "the holder of the owner's registry",
    messages: {
      hello: request(hello, 'Who the daemon is and what it can run.', answers.helloAnswer),
      beat: request(beat, 'That it lives, and what it runs.', answers.beatAnswer),
      bye: request(ofSession, 'That it goes and runs nothing any more.', answers.emptyAnswer),
      drain: request(
        nothing,
        'A person asks that it takes nothing new; it ends once nothing of it runs.',
        answers.drainAnswer,
      ),
    },
  }),
  daemonSession: subject('writ.v1.{owner}.daemon.{id}.{session}.{verb}', {
    meaning: 'Orders to one session of a daemon.',
    from: "the shard's holder, and the registry",
    to: 'daemon',
    messages: {
      spawn: request(spawn, 'Run this attempt; the answer accepts or refuses it.', answers.acceptedAnswer),
      cancel: request(order, "End that attempt's process.", answers.emptyAnswer),
      finish: request(order, "Push that attempt's work, end its process, report done.", answers.emptyAnswer),
      drain: request(nothing, 'Take nothing new, and end once nothing runs.', answers.emptyAnswer),
      output: request(outputOrder, "A part of that attempt's output, as the daemon keeps it.", outputPart),
    },
  }),
  pull: subject('writ.v1.{owner}.pull', {
    meaning: 'A script asks for one task and waits for it: how a shell loop can be a daemon.',
    from: 'script',
    to: "the holder of the owner's registry",
    messages: { pull: request(pullInput, 'The answer is a spawn, or that there is nothing.', spawn) },
  }),
  event: subject('writ.v1.{owner}.event.{directive}.{type}', {
    meaning: 'Every event after its commit, numbered within its directive so that gaps can be fetched.',
    from: 'node',
    to: 'whoever watches',
    messages: { event: publish(eventLine, "A line of a directive's history.") },
  }),
  output: subject('writ.v1.{owner}.output.{task}', {
    meaning: 'What the process of an attempt writes, live.',
    from: 'daemon',
    to: 'whoever watches',
    messages: { output: publish(outputLines, 'Some lines of output.') },
  }),
  actors: subject('writ.v1.{owner}.actors.{verb}', {
    meaning: 'Looks into actors, as they are, as they go on and as they were. Changes nothing.',
    from: 'client',
    to: 'any node (queue group)',
    messages: actorsMessages,
  }),
  actor: subject('writ.v1.{owner}.actor.{shard}.{id}.{verb}', {
    meaning: 'Looks into one actor: a directive, a step or the registry. Changes nothing.',
    from: 'client',
    to: 'any node (queue group)',
    messages: actorMessages,
  }),
  inspect: subject('writ.v1.{owner}.inspect.{directive}.{id}', {
    meaning: 'What an actor takes, with its state after it, only while somebody watches.',
    from: 'node',
    to: 'whoever watches',
    messages: { inspect: publish(sightingMessage, "A frame of XState's inspector, with what Writ adds in `writ`.") },
  }),
  sys: subject('writ.v1.sys.{node}.{verb}', {
    meaning: 'Between nodes.',
    from: 'node',
    to: 'node',
    messages: sysMessages,
  }),
}

/** The tokens of an address, `<shard>.<id>`. Throws BAD_INPUT when it is none. */
export const readAddress = (address: string): { shard: string; id: string } => {
  const [shard = '', id = '', ...more] = address.split('.')
  if (/^\d{1,3}$/.test(shard) && isToken(id) && more.length === 0) return { shard, id }
  throw new WritError('BAD_INPUT', `${JSON.stringify(address.slice(0, 120))} is not an address`, {
    hint: 'an address is <shard>.<id>, as every command that shows an actor or a task prints it',
  })
}
