// What docs/nats.md asks of the `nats` command, by somebody who has only read the protocol of NATS: a command line becomes
// the protocol's own lines over a socket. Nothing of ours and no client library is in it. It prints what `nats` prints.
import { connect } from 'node:net'

const words = process.argv.slice(2)
const option = (name) => {
  const at = words.indexOf(name)
  return at < 0 ? undefined : words.splice(at, 2)[1]
}
const flag = (name) => words.includes(name) && words.splice(words.indexOf(name), 1).length > 0

const inbox = `${option('--inbox-prefix') ?? '_INBOX'}.raw${process.pid}`
const timeoutMs = 1000 * Number.parseInt(option('--timeout') ?? '5', 10)
const raw = flag('--raw')

const { hostname, port, username: user, password: pass } = new URL(process.env.NATS_URL)
const socket = connect(Number(port), hostname)
const send = (...lines) => socket.write(lines.map((line) => `${line}\r\n`).join(''))
const publish = (subject, body, reply = '') => send(`PUB ${subject} ${reply} ${Buffer.byteLength(body)}`, body)

/** One frame off the front of what has come, and how long it is; null while not all of it is there. */
const frameOf = (bytes) => {
  const end = bytes.indexOf('\r\n')
  if (end < 0) return null
  const line = bytes.toString('utf8', 0, end)
  const [verb, subject, , ...rest] = line.split(' ')
  if (verb !== 'MSG' && verb !== 'HMSG') return { length: end + 2, verb, line }
  const total = Number(rest.at(-1))
  const headerBytes = verb === 'HMSG' ? Number(rest.at(-2)) : 0
  const length = end + 2 + total + 2
  if (bytes.length < length) return null
  const head = bytes.toString('utf8', end + 2, end + 2 + headerBytes)
  const body = bytes.toString('utf8', end + 2 + headerBytes, length - 2)
  return { length, verb: 'MSG', subject, reply: rest.length > (verb === 'MSG' ? 1 : 2) ? rest[0] : '', head, body }
}

async function* frames() {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    for (let frame = frameOf(bytes); frame !== null; frame = frameOf(bytes)) {
      bytes = bytes.subarray(frame.length)
      if (frame.verb === 'PING') send('PONG')
      else yield frame
    }
  }
}
const coming = frames()

const end = (code) => {
  socket.destroy()
  process.exit(code)
}

/** The next message, or that the server has everything which was sent before; what the server refuses ends this. */
const next = async () => {
  for (;;) {
    const { value: frame, done } = await coming.next()
    if (done) end(1)
    if (frame.verb === 'MSG' || frame.verb === 'PONG') return frame
    if (frame.verb !== '-ERR') continue
    console.error(`nats: error: ${frame.line.slice("-ERR '".length, -1)}`)
    end(1)
  }
}

const ask = async (subject, body) => {
  publish(subject, body, inbox)
  return next()
}
const listen = (subject, queue = '') => send(`SUB ${subject} ${queue} 1`)

/** What comes, once it is said that it would be heard. */
async function* heard(said, subject, queue) {
  listen(subject, queue)
  send('PING')
  for (;;) {
    const frame = await next()
    if (frame.verb === 'PONG') console.error(`${said} ${subject}`)
    else yield frame
  }
}
const named = (name) => (name === undefined ? '' : `.${name}`)

const verbs = {
  pub: async (subject, body) => {
    publish(subject, body)
    send('PING')
    await next()
    console.error(`Published ${Buffer.byteLength(body)} bytes to "${subject}"`)
  },
  req: async (subject, body) => {
    listen(inbox)
    setTimeout(end, timeoutMs, 0)
    const { head, body: answer } = await ask(subject, body)
    if (head.startsWith('NATS/1.0 503')) console.error('No responders are available')
    else console.log(answer)
  },
  sub: async (subject) => {
    let count = 0
    for await (const { subject: on, body } of heard('Subscribing on', subject))
      console.log(raw ? body : `[#${++count}] Received on "${on}"\n${body}\n`)
  },
  reply: async (subject, body) => {
    let count = 0
    for await (const { subject: on, reply, body: asked } of heard('Listening on', subject, 'NATS-RPLY-22')) {
      console.log(`[#${count++}] Received on subject "${on}":\n\n${asked}\n`)
      publish(reply, body)
    }
  },
  service: async (what, name) => {
    const asked = { ls: 'PING', info: 'INFO', stats: 'STATS' }[what]
    listen(inbox)
    const answer = JSON.parse((await ask(`$SRV.${asked}${named(name)}`, '')).body)
    for (const { name: endpoint, subject = '' } of answer.endpoints ?? [{}])
      console.log([answer.name, answer.version, answer.id, endpoint, subject].join(' '))
  },
  stream: async (what, name) => {
    listen(inbox)
    if (what === 'info') {
      const { state } = JSON.parse((await ask(`$JS.API.STREAM.INFO.${name}`, '')).body)
      return console.log(`Messages: ${state.messages}`)
    }
    for (let seq = 1; ; seq++) {
      const query = JSON.stringify({ seq, next_by_subj: '>' })
      const { head, body } = await ask(`$JS.API.DIRECT.GET.${name}`, query)
      if (head.startsWith('NATS/1.0 404')) return
      seq = Number(/^Nats-Sequence: *(\d+)/m.exec(head)?.[1])
      console.log(`[${seq}] Subject: ${/^Nats-Subject: *(\S+)/m.exec(head)?.[1]} Received: …\n\n${body}\n`)
    }
  },
}

const [verb, ...given] = words
const hello = {
  verbose: false,
  pedantic: false,
  headers: true,
  no_responders: true,
  lang: 'none',
  version: '0',
  name: 'raw',
}
send(`CONNECT ${JSON.stringify({ ...hello, user, pass })}`)
await verbs[verb](...given)
end(0)
