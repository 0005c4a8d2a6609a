/** The wire as an AsyncAPI document, made of what `src/bus/subjects.ts` declares: a channel for each message of each subject. */
import { z } from 'zod'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'
import { refusal } from '../../src/protocol/answers.ts'
import { examples, refusedExample } from './asyncapi-examples.ts'
import { idCharsMax, payloadBytesMax, shardCount } from '../../src/protocol/limits.ts'

type Json = Record<string, unknown>

/** What each token of a subject is. */
const tokens: Record<string, string> = {
  owner: 'The tenant: `default` unless another was chosen.',
  shard: `The first part of an address, 0 to ${shardCount - 1}: printed by every command that shows an actor or a task.`,
  id: `The second part of an address; a daemon's name. 1 to ${idCharsMax} characters of A-Z a-z 0-9 - _ when it was chosen.`,
  daemon: 'The name of the daemon that reports.',
  session: 'The session of the daemon, as the answer to its hello names it.',
  directive: 'The id of the directive.',
  type: 'The type of the event.',
  task: 'The id of the task.',
  rest: 'Any tokens more.',
  node: 'The name of the node.',
  verb: 'What is to be done.',
}

const intro = [
  `Everything that Writ says and hears, as subjects of NATS. All payloads are JSON in UTF-8 of at most ${payloadBytesMax} bytes; an empty payload is an empty object.`,
  'An address, `<shard>.<id>`, stands in a subject as two tokens.',
  'A request is answered once what it changed is durable; in place of an answer there may be an error, `{"error": {"code", "message", "hint"}}`.',
  'A `command` is chosen by the caller: the same one sent again within a day has the same answer.',
].join(' ')

/** The whole document. */
export const asyncApi = (version: string): Json => {
  const parts = Object.entries(subjects).flatMap(([name, subject]) => partsOf(name, subject as Subject))
  return {
    asyncapi: '3.0.0',
    info: { title: 'Writ', version, description: intro },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(parts.map(({ id, channel }) => [id, channel])),
    operations: Object.fromEntries(parts.map(({ id, operation }) => [id, operation])),
    components: {
      messages: {
        refused: {
          title: 'Refused',
          summary: 'In place of any answer.',
          payload: schemaOf(refusal),
          examples: [{ payload: refusedExample }],
        },
      },
    },
  }
}

interface Part {
  id: string
  channel: Json
  operation: Json
}

const partsOf = (name: string, subject: Subject): Part[] =>
  Object.entries(subject.messages).map(([verb, message]) => {
    const id = verb === name ? name : `${name}.${verb}`
    return { id, channel: channelOf(id, subject, verb, message), operation: operationOf(id, subject, message) }
  })

/** The verb is part of what a message is: it stands in the address as it is. */
const channelOf = (id: string, { template, meaning, from, to }: Subject, verb: string, message: Message): Json => {
  const address = template.replace('{noun}.{verb}', verb).replace('{verb}', verb).replace('{...rest}', '{rest}')
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const example = examples[id]
  const answer =
    message.answer === undefined
      ? {}
      : { answer: { title: 'Answer', payload: schemaOf(message.answer), ...exampleOf(example?.answer) } }
  return {
    address,
    summary: message.meaning,
    description: `${meaning} From ${from} to ${to}.`,
    ...(names.length === 0
      ? {}
      : { parameters: Object.fromEntries(names.map((name) => [name, { description: tokens[name] ?? name }])) }),
    messages: {
      message: {
        title: verb,
        summary: message.meaning,
        payload: schemaOf(message.payload),
        ...exampleOf(example?.message),
      },
      ...answer,
      ...('answer' in answer ? { refused: { $ref: '#/components/messages/refused' } } : {}),
    },
  }
}

const exampleOf = (payload: unknown): Json => (payload === undefined ? {} : { examples: [{ payload }] })

/** Operations are those of the node: it receives what others send, and sends the rest. */
const operationOf = (id: string, { from }: Subject, { kind, meaning }: Message): Json => {
  const channel = { $ref: `#/channels/${id}` }
  const message = (name: string): Json => ({ $ref: `#/channels/${id}/messages/${name}` })
  return {
    action: /node|shard/.test(from) ? 'send' : 'receive',
    channel,
    summary: kind === 'streamed' ? `${meaning} Kept by a stream until a node has taken it.` : meaning,
    messages: [message('message')],
    ...(kind === 'request' ? { reply: { channel, messages: [message('answer'), message('refused')] } } : {}),
  }
}

const schemaOf = (schema: z.ZodType): Json => {
  const made = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
  }) as Json
  delete made['$schema']
  delete made['definitions']
  return withoutCycles(made) as Json
}

/** The only schema of the wire that contains itself is that of any JSON. */
const withoutCycles = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(withoutCycles)
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) return { description: 'any JSON' }
  const { allOf, ...rest } = schema as Json
  const one: unknown = Array.isArray(allOf) && allOf.length === 1 ? withoutCycles(allOf[0]) : {}
  const kept = Object.entries(rest).map(([key, value]) => [key, withoutCycles(value)])
  return {
    ...(one as Json),
    ...(Array.isArray(allOf) && allOf.length > 1 ? { allOf } : {}),
    ...Object.fromEntries(kept),
  }
}
