// A daemon as a process of its own, so that it can be killed. Its bus goes over the channel to its parent.
import { pathToFileURL } from 'node:url'

const [built, home] = process.argv.slice(2)
const { runDaemon } = await import(pathToFileURL(`${built}/daemon/daemon.js`).href)
const { WritError } = await import(pathToFileURL(`${built}/protocol/errors.js`).href)

const waiting = new Map()
const takers = new Map()
let last = 0

process.on('message', ({ kind, id, subject, pattern, body }) => {
  if (kind === 'fault') throw new Error('a fault of the daemon itself, wanted by the test')
  if (kind === 'answer') {
    const { done, fail } = waiting.get(id)
    waiting.delete(id)
    return body.error === undefined ? done(body) : fail(WritError.from(body.error))
  }
  takers.get(pattern)({
    subject,
    body: new TextEncoder().encode(JSON.stringify(body)),
    reply: (answer) => process.send({ kind: 'reply', id, body: answer }),
  })
})

const bus = {
  publish: (subject, body) => void process.send({ kind: 'publish', subject, body }),
  request: (subject, body) =>
    new Promise((done, fail) => {
      waiting.set(++last, { done, fail })
      process.send({ kind: 'request', id: last, subject, body })
    }),
  subscribe: (pattern, _options, take) => {
    takers.set(pattern, take)
    process.send({ kind: 'subscribe', pattern })
    return { drain: async () => void takers.delete(pattern) }
  },
}

const say = () => undefined
const log = { debug: say, info: say, warn: say, error: say }
const roles = ['planner', 'worker', 'evaluator', 'merger']
await runDaemon({ bus, owner: 'default', name: 'tester', slots: 4, roles, home, log })
