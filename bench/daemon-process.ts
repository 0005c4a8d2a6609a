/** A daemon whose tasks end well at once: what is measured is the way from its report to the next spawn. */
import type { Bus } from '../src/actors/ports/bus.ts'
import { decode } from '../src/bus/json.ts'
import { connect } from '../src/bus/nats-bus.ts'
import { retried } from '../src/bus/retry.ts'
import { readAddress, subjects } from '../src/bus/subjects.ts'
import type { Spawn } from '../src/protocol/task.ts'
import { systemClock, systemRandom } from '../src/system.ts'
import { serve } from './child.ts'

const owner = 'default'
const id = 'bench'
const session = 'bench-1'
const deadlineMs = 30_000

let bus: Bus
let spawns = 0
/** When a directive's last report was sent, and how long each took to its next spawn, in ms. */
const reported = new Map<string, number>()
let hops: number[] = []

const ask = (subject: string, body: object): Promise<unknown> =>
  retried({ clock: systemClock, random: systemRandom }, deadlineMs, () => bus.request(subject, body, 10_000))

const bodyOf = ({ task }: Spawn): object =>
  task.role === 'evaluator' ? { verdict: { passed: true, overallScore: 1 } } : { result: 'ok' }

const take = (spawn: Spawn): void => {
  const { directive, task } = spawn
  const sent = reported.get(directive.id)
  if (sent !== undefined) hops.push(performance.now() - sent)
  spawns++
  reported.set(directive.id, performance.now())
  const subject = subjects.report.at({ owner, ...readAddress(task.address), daemon: id, verb: 'done' })
  void ask(subject, { attempt: task.attempt, nonce: task.nonce, session, ...bodyOf(spawn) })
}

serve({
  start: async ({ natsUrl, slots }: { natsUrl: string; slots: number }) => {
    bus = await connect({ url: natsUrl, name: 'bench daemon' })
    bus.subscribe(subjects.daemonSession.pattern({ owner, id, session }), {}, (message) => {
      message.reply({ accepted: true })
      if (message.subject.endsWith('.spawn')) take(decode(message.body) as Spawn)
    })
    const roles = ['planner', 'worker', 'evaluator', 'merger']
    await ask(subjects.daemon.at({ owner, id, verb: 'hello' }), { session, slots, roles, executors: ['shell'] })
    setInterval(() => {
      void ask(subjects.daemon.at({ owner, id, verb: 'beat' }), { session, running: [] })
    }, 5000).unref()
  },
  /** What was counted since the last time. */
  counts: () => {
    const counted = { spawns, hops }
    spawns = 0
    hops = []
    reported.clear()
    return counted
  },
  stop: () => bus.close(),
})
