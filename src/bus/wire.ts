/** What the engine says and hears, mapped onto subjects over any Bus. What comes in is decoded and checked here, once. */
import type { Bus, Incoming, Subscription } from '../actors/ports/bus.ts'
import type { Asked, Take, Wire } from '../actors/ports/wire.ts'
import { moved } from '../protocol/nodes.ts'
import { acceptedAnswer } from '../protocol/answers.ts'
import { WritError } from '../protocol/errors.ts'
import { inspecting, inspectOrder } from '../protocol/inspection.ts'
import { kindOf, readKey, readTaskId, shardOf } from '../protocol/ids.ts'
import { derivedIdCharsMax, pullHeardMs, requestDeadlineMs } from '../protocol/limits.ts'
import { checkPayload, decode } from './json.ts'
import type { Message } from './subject.ts'
import { subjects } from './subjects.ts'
import { outputPart } from '../protocol/task.ts'

type Noun = Asked['noun']
type Tokens = Record<string, string>

/** What is common to the subjects that are listened on. */
interface Heard {
  template: string
  messages: Record<string, Message>
  read: (subject: string) => Tokens | null
}

export const wireOf = (bus: Bus, log: (line: string) => void): Wire => {
  const hear = (noun: Noun, heard: Heard, pattern: string, take: Take, queue?: string): Subscription =>
    bus.subscribe(pattern, queue === undefined ? {} : { queue }, (message) => {
      const read = heard.read(message.subject)
      if (read === null) message.reply({ error: unreadable(message.subject, heard).body })
      else takeChecked(noun, heard, read, message, take)
    })
  return {
    serveShard: (shard, take) =>
      together(shardNouns.map((noun) => hear(noun, subjects[noun], subjects[noun].pattern({ shard }), take))),
    serveRegistry: (owner, take) =>
      together([
        hear('daemon', subjects.daemon, subjects.daemon.pattern({ owner }), take),
        hear('pull', subjects.pull, subjects.pull.pattern({ owner }), take),
      ]),
    serveApi: (take) => hear('api', subjects.api, subjects.api.pattern(), take, 'api'),
    serveActors: (take) =>
      together([
        hear('actors', subjects.actors, subjects.actors.pattern(), take, 'actors'),
        hear('actor', subjects.actor, subjects.actor.pattern(), take, 'actors'),
      ]),
    ...movesOf(bus, log),
    ...inspectionOf(bus, log),
    event: (owner, directive, type, body) =>
      quietly(log, () => bus.publish(subjects.event.at({ owner, directive, type }), body)),
    mail: (to, body) => {
      const { owner, id } = readKey(to)
      quietly(log, () => bus.publish(subjects.mail.at({ owner, shard: shardOf(owner, id), id }), body))
    },
    spawn: async (owner, id, session, spawn, deadlineMs) => {
      const subject = subjects.daemonSession.at({ owner, id, session, verb: 'spawn' })
      const answer = acceptedAnswer.safeParse(await bus.request(subject, spawn, deadlineMs))
      if (!answer.success) throw new WritError('INTERNAL', `the daemon ${id} neither accepted nor refused`)
    },
    answerPull: (inbox, spawn) => bus.deliver(inbox, spawn, pullHeardMs),
    endPull: (inbox, why) => quietly(log, () => bus.publish(inbox, { error: why.body })),
    order: async (owner, id, session, verb, order) => {
      await bus.request(subjects.daemonSession.at({ owner, id, session, verb }), order, requestDeadlineMs)
    },
    drain: async (owner, id, session) => {
      await bus.request(subjects.daemonSession.at({ owner, id, session, verb: 'drain' }), {}, requestDeadlineMs)
    },
    output: async (owner, id, session, order) => {
      const subject = subjects.daemonSession.at({ owner, id, session, verb: 'output' })
      const part = outputPart.safeParse(await bus.request(subject, order, requestDeadlineMs))
      if (part.success) return part.data
      throw new WritError('INTERNAL', `the daemon ${id} answered with something else than a part of the output`, {
        hint: 'a daemon that keeps no output refuses with REFUSED',
      })
    },
    askHolder: async (owner, id, verb, body, deadlineMs) => {
      const subject = subjects.directive.at({ owner, shard: shardOf(owner, id), id, verb: verb as 'create' })
      return (await bus.request(subject, body, deadlineMs)) as object
    },
  }
}

/** Between threads. What one says of itself is nothing new to it. */
const movesOf = (bus: Bus, log: (line: string) => void): Pick<Wire, 'moved' | 'serveMoved'> => ({
  moved: (thread) => quietly(log, () => bus.publish(subjects.sys.at({ node: 'all', verb: 'moved' }), { thread })),
  serveMoved: (thread, take) =>
    bus.subscribe(subjects.sys.pattern({ node: 'all', verb: 'moved' }), {}, ({ body }) =>
      quietly(log, () => {
        if (checkPayload(moved, decode(body)).thread !== thread) take()
      }),
    ),
})

type Inspection = Pick<Wire, 'inspect' | 'serveInspect' | 'serveInspecting' | 'sighting'>

/** Between nodes, and to whoever watches: what came in malformed is passed over. */
const inspectionOf = (bus: Bus, log: (line: string) => void): Inspection => ({
  inspect: (order) => quietly(log, () => bus.publish(subjects.sys.at({ node: 'all', verb: 'inspect' }), order)),
  serveInspect: (thread, take) =>
    bus.subscribe(subjects.sys.pattern({ node: 'all', verb: 'inspect' }), {}, ({ body }) =>
      quietly(log, () => {
        const order = checkPayload(inspectOrder, decode(body))
        const { inspection, observer } = order
        const subject = subjects.sys.at({ node: observer, verb: 'inspecting' })
        take(order, () => quietly(log, () => bus.publish(subject, { inspection, thread })))
      }),
    ),
  serveInspecting: (observer, take) =>
    bus.subscribe(subjects.sys.pattern({ node: observer, verb: 'inspecting' }), {}, ({ body }) =>
      quietly(log, () => {
        const { inspection, thread } = checkPayload(inspecting, decode(body))
        take(inspection, thread)
      }),
    ),
  sighting: (owner, sighting) => {
    const { rootId: directive, sessionId: id } = sighting
    quietly(log, () => bus.publish(subjects.inspect.at({ owner, directive, id }), sighting))
  },
})

const shardNouns = ['directive', 'step', 'contract', 'task', 'report', 'mail'] as const

const together = (subscriptions: readonly Subscription[]): Subscription => ({
  drain: async () => {
    await Promise.all(subscriptions.map((subscription) => subscription.drain()))
  },
})

/** What cannot be sent is a loss on the way, which nothing depends on; it is worth a line. */
const quietly = (log: (line: string) => void, send: () => void): void => {
  try {
    send()
  } catch (error) {
    log(`not sent: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The server lets stars and empty tokens through, as if they were names. */
const unreadable = (subject: string, { template }: Heard): WritError =>
  new WritError('BAD_INPUT', `${JSON.stringify(subject.slice(0, 200))} is not of the form ${template}`, {
    hint: `each token is 1 to ${derivedIdCharsMax} characters of A-Z a-z 0-9 _ -, and no owner is called sys`,
  })

/** A subject whose tokens do not name an actor of that shard is refused like one that does not exist. */
const takeChecked = (noun: Noun, { messages }: Heard, tokens: Tokens, message: Incoming, take: Take): void => {
  try {
    const declared = declaredFor(noun, messages, tokens)
    const body =
      declared.kind === 'streamed' && !message.wantsReply ? null : checkPayload(declared.payload, decode(message.body))
    // Without a reply it came through the stream as well, which makes sure of it.
    if (body === null) return
    checkAddress(noun, tokens)
    take(askedOf(noun, tokens, body, message))
  } catch (error) {
    message.reply({ error: bodyOf(error) })
  }
}

const declaredFor = (noun: Noun, messages: Record<string, Message>, tokens: Tokens): Message => {
  const { verb = noun } = tokens
  const named = noun === 'api' ? `${tokens['noun']}.${verb}` : verb
  const declared = Object.hasOwn(messages, named) ? messages[named] : undefined
  if (declared !== undefined) return declared
  throw new WritError('BAD_INPUT', `there is no ${noun} ${named}`, {
    hint: `${noun} knows ${Object.keys(messages).join(', ')}`,
  })
}

/** An actor takes only what is meant for its kind: a step must never be told what a directive is. */
const checkAddress = (noun: Noun, { owner = '', shard, id = '', verb }: Tokens): void => {
  if (shard === undefined) return
  if (shardOf(owner, id) !== Number(shard))
    throw new WritError('NOT_FOUND', `there is no ${noun} ${shard}.${id}`, {
      hint: `its address is ${shardOf(owner, id)}.${id}`,
    })
  const kind = kindNamed(id)
  const isRegistrys =
    noun === 'directive' && (verb === 'open' || verb === 'silences' || (verb === 'unpark' && kind === 'registry'))
  const wanted = isRegistrys ? 'registry' : noun
  if (isActorNoun(noun) && kind !== wanted)
    throw new WritError('NOT_FOUND', `there is no ${noun} ${id}`, { hint: `that is how a ${kind} is called` })
}

const isActorNoun = (noun: Noun): boolean => ['directive', 'step', 'contract', 'task'].includes(noun)

/** What an id says of itself: contracts and tasks are no actors, but have ids of their own. */
const kindNamed = (id: string): string => readTaskId(id)?.kind ?? kindOf(id)

const askedOf = (noun: Noun, tokens: Tokens, body: unknown, message: Incoming): Asked => ({
  noun,
  verb: tokens['verb'] ?? noun,
  owner: tokens['owner'] ?? '',
  id: noun === 'api' ? (tokens['noun'] ?? '') : (tokens['id'] ?? ''),
  shard: tokens['shard'] === undefined ? null : Number(tokens['shard']),
  daemon: tokens['daemon'] ?? null,
  body,
  wantsReply: message.wantsReply,
  replyTo: message.replyTo,
  reply: message.reply,
  fail: (error) => message.reply({ error: bodyOf(error) }),
})

const bodyOf = (error: unknown): object =>
  error instanceof WritError ? error.body : new WritError('INTERNAL', 'something went wrong inside Writ').body
