/** What `writ nats pub|sub|req` do: the `nats` command's own verbs with its syntax and output, for those who do not have it. */
import { openPlain, type Plain, type PlainHeaders, type PlainMessage } from '../bus/plain.ts'
import { WritError } from '../protocol/errors.ts'
import type { Context } from './context.ts'
import { loginFor } from './login-for.ts'
import { interruptible } from './signals.ts'
import { readBytes } from './text-file.ts'

export interface PubFlags {
  header?: PlainHeaders
  reply?: string
  count: number
}

export interface SubFlags {
  count?: number
  queue?: string
  raw?: boolean
}

export interface ReqFlags {
  header?: PlainHeaders
  raw?: boolean
  replies: number
  timeout: number
}

/** Sends `body` (`-` or nothing: standard input) so many times. */
export const publish = async (
  context: Context,
  subject: string,
  body: string | undefined,
  flags: PubFlags,
): Promise<void> => {
  const data = await bodyOf(context, body)
  await connected(context, async (plain) => {
    const { header = [], reply, count } = flags
    for (let sent = 0; sent < count; sent++) {
      await plain.publish(subject, data, { headers: header, ...(reply === undefined ? {} : { reply }) })
      say(context, `Published ${data.length} bytes to ${JSON.stringify(subject)}`)
    }
  })
}

/** Prints what comes, until so many have come or Ctrl-C. */
export const subscribe = async (
  context: Context,
  subject: string,
  { count, queue, raw = false }: SubFlags,
): Promise<void> =>
  connected(context, (plain) =>
    interruptible(async (signal) => {
      say(context, `Subscribing on ${subject}`)
      let received = 0
      for await (const message of plain.listen(subject, { signal, ...(queue === undefined ? {} : { queue }) })) {
        received++
        const reply = message.reply === null ? '' : ` with reply ${JSON.stringify(message.reply)}`
        if (!raw && !context.json)
          context.terminal.print(`[#${received}] Received on ${JSON.stringify(message.subject)}${reply}`)
        print(context, message, raw)
        if (received === count) return
      }
    }),
  )

/** Asks, and prints the answers. Throws NO_ANSWER. */
export const request = async (
  context: Context,
  subject: string,
  body: string | undefined,
  flags: ReqFlags,
): Promise<void> => {
  const data = await bodyOf(context, body)
  const { header = [], raw = false, replies, timeout } = flags
  await connected(context, async (plain) => {
    say(context, `Sending request on ${JSON.stringify(subject)}`)
    const asked = performance.now()
    let received = 0
    for await (const answer of plain.request(subject, data, { headers: header, count: replies, timeoutMs: timeout })) {
      received++
      say(context, `Received with rtt ${(performance.now() - asked).toFixed(3)}ms`)
      print(context, answer, raw)
    }
    if (received === 0) throw new WritError('NO_ANSWER', `no answer on ${subject} within ${timeout / 1000} s`)
  })
}

/** As whoever this call speaks for, on inboxes of its own. */
const connected = async (context: Context, run: (plain: Plain) => Promise<void>): Promise<void> => {
  const login = await loginFor(context.settings())
  const plain = await openPlain({ ...login, name: 'writ nats' })
  try {
    await run(plain)
  } finally {
    await plain.close()
  }
}

const bodyOf = async ({ world }: Context, body: string | undefined): Promise<Uint8Array> =>
  body === undefined || body === '-' ? readBytes('-', world.cwd) : new TextEncoder().encode(body)

/** What `nats` logs goes to standard error with the time. */
const say = ({ terminal, world }: Context, line: string): void =>
  terminal.say(`${new Date(world.now()).toTimeString().slice(0, 8)} ${line}`)

/** The body as it came, byte by byte: whoever asks for a subject by hand wants to see what is there. */
const print = ({ terminal, json }: Context, { subject, reply, headers, data }: PlainMessage, raw: boolean): void => {
  if (json && !raw) return terminal.json({ subject, reply, headers, data: new TextDecoder().decode(data) })
  for (const [name, value] of raw ? [] : headers) terminal.print(`${name}: ${value}`)
  if (!raw && headers.length > 0) terminal.print('')
  terminal.out.write(data)
  terminal.print(raw ? '' : '\n')
}
