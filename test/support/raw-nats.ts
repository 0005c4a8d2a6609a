/** A NATS client that has never seen our code: the protocol's own lines over a socket, as a program in any language would send them. */
import { connect, type Socket } from 'node:net'
import { Waiting } from './waiting.ts'

export interface RawMessage {
  subject: string
  body: string
}

export class RawNats {
  readonly heard: RawMessage[] = []
  readonly #socket: Socket
  readonly #inbox: string
  readonly #waiting = new Waiting()
  #pending = Buffer.alloc(0)
  #asked = 0

  private constructor(socket: Socket, user: string) {
    this.#socket = socket
    this.#inbox = `_INBOX_${user}.raw`
    socket.on('data', (chunk) => this.#read(chunk))
  }

  /** Connects with the user and password of the URL, and listens on an inbox of its own. */
  static async open(url: string): Promise<RawNats> {
    const { hostname, port, username: user, password: pass } = new URL(url)
    const socket = connect(Number(port), hostname)
    const client = new RawNats(socket, user)
    await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail))
    const hello = {
      verbose: false,
      pedantic: false,
      tls_required: false,
      name: 'raw',
      lang: 'none',
      version: '0',
      headers: true,
      no_responders: true,
      user,
      pass,
    }
    client.#send(`CONNECT ${JSON.stringify(hello)}`)
    client.subscribe(`${client.#inbox}.*`)
    return client
  }

  subscribe(pattern: string): void {
    this.#send(`SUB ${pattern} ${this.#asked++}`)
  }

  publish(subject: string, body: string, reply = ''): void {
    this.#send(`PUB ${subject} ${reply} ${Buffer.byteLength(body)}\r\n${body}`)
  }

  /** Throws when the server says that nobody listens there. */
  async request(subject: string, body: object): Promise<Record<string, unknown>> {
    const inbox = `${this.#inbox}.${this.#asked++}`
    this.publish(subject, JSON.stringify(body), inbox)
    const answer = await this.until((message) => message.subject === inbox, `an answer on ${subject}`)
    if (answer.body.startsWith('NATS/1.0 503')) throw new Error(`nobody listens on ${subject}`)
    return JSON.parse(answer.body) as Record<string, unknown>
  }

  /** The first message that is such a one, waited for. */
  until(such: (message: RawMessage) => boolean, what: string): Promise<RawMessage> {
    return this.#waiting.until(
      () => this.heard.find(such),
      () => `${what}; heard ${this.heard.map(({ subject }) => subject).join(', ')}`,
    )
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(line: string): void {
    this.#socket.write(`${line}\r\n`)
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (this.#take());
    this.#waiting.look()
  }

  /** One line, or one message with its body; false when not all of it is here yet. */
  #take(): boolean {
    const end = this.#pending.indexOf('\r\n')
    if (end < 0) return false
    const [verb = '', subject = '', ...rest] = this.#pending.toString('utf8', 0, end).split(' ')
    const isMessage = verb === 'MSG' || verb === 'HMSG'
    const bytes = isMessage ? Number(rest.at(-1)) : 0
    const next = isMessage ? end + 2 + bytes + 2 : end + 2
    if (this.#pending.length < next) return false
    // Of one with headers (only the server itself sends such) they are the body.
    if (isMessage) this.heard.push({ subject, body: this.#pending.toString('utf8', end + 2, end + 2 + bytes) })
    if (verb === 'PING') this.#send('PONG')
    if (verb === '-ERR') this.heard.push({ subject: '-ERR', body: [subject, ...rest].join(' ') })
    this.#pending = this.#pending.subarray(next)
    return true
  }
}
