/**
 * `npm run chaos`: real nodes, daemons, nats-server and Postgres with work all the time, one fault after the other, and at the end everything
 * is read and held against what was asked for. Ends with 1 when anything was violated, or too little happened.
 */
import { setMaxListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SimRandom } from '../sim/random.ts'
import { isAccepted } from './checks.ts'
import { Chaos, type ChaosSetup } from './chaos.ts'
import { faultsMin, tooLittle } from './floors.ts'
import { runFolder } from './folder.ts'
import type { History } from './history.ts'
import type { Kind } from './kinds.ts'
import { asked, type ChaosOptions } from './options.ts'
import { countsOf, recoveryOf, type Report, spreadOf, textOf } from './report.ts'

const second = 1000
const minute = 60 * second
const [daemons, slots] = [2, 4]
/** From the beginning of one fault to that of the next, and at least from the end of one. */
const [everyMs, restMs] = [
  [5 * second, 10 * second],
  [500, 1500],
] as const
const twoAtOnce = 0.3
const longerBy = 0.5
const brief: ReadonlySet<Kind> = new Set([
  'thread-end',
  'daemon-kill',
  'nats-kill',
  'nats-wipe',
  'postgres-terminate',
  'postgres-crash',
  'postgres-immediate',
  'link-before',
  'link-after',
])
const interruptedExit = 130
const sameSignalMs = 500

const clock = (): string => new Date().toISOString().slice(11, 19)
const say = (text: string): void => void process.stderr.write(`${clock()} ${text}\n`)

/** Of whatever a server goes through at the same time, these say nothing: they end in order. */
const alone: ReadonlySet<Kind> = new Set(['node-leave', 'nodes-rolling', 'nodes-upgrade'])
const isOfServers = (kind: Kind): boolean => /^(nats|postgres|link|disk)-/.test(kind)

/** Each kind once before any comes again; those that are over at once twice. */
class Bag {
  readonly #kinds: readonly Kind[]
  readonly #random: SimRandom
  #left: Kind[] = []

  constructor(kinds: readonly Kind[], random: SimRandom) {
    this.#kinds = kinds
    this.#random = random
  }

  draw(such: (kind: Kind) => boolean): Kind | undefined {
    if (this.#left.length === 0) this.#left = [...this.#kinds, ...this.#kinds.filter((kind) => brief.has(kind))]
    const kind = this.#random.pick(this.#left.filter(such))
    if (kind !== undefined) this.#left.splice(this.#left.indexOf(kind), 1)
    return kind
  }
}

const faultsUntil = async (chaos: Chaos, { seed, only, minutes }: ChaosOptions, signal: AbortSignal): Promise<void> => {
  const random = new SimRandom(seed ^ 0xfa17)
  const bag = new Bag(only, random)
  const end = performance.now() + minutes * minute
  // On a slow machine healing takes its time: the run goes on for somewhat longer, until enough has happened.
  const isOver = (): boolean => {
    const isEnough = chaos.faults.length >= faultsMin(minutes)
    return performance.now() >= end + (isEnough ? 0 : longerBy * minutes * minute)
  }
  await delay(everyMs[0], undefined, { signal })
  // One at least, however short the run is.
  for (let isFirst = true; (isFirst || !isOver()) && !signal.aborted; isFirst = false) {
    const next = performance.now() + random.between(...everyMs)
    const kind = bag.draw(() => true)
    if (kind === undefined) return
    // Now and then a server and something else are hit at once.
    const second =
      random.chance(twoAtOnce) && !alone.has(kind)
        ? bag.draw((other) => !alone.has(other) && isOfServers(other) !== isOfServers(kind))
        : undefined
    await Promise.all([kind, ...(second === undefined ? [] : [second])].map((each) => chaos.inflict(each)))
    const rest = Math.max(next - performance.now(), random.between(...restMs))
    await delay(rest, undefined, { signal })
  }
}

const operationsOf = (chaos: Chaos, history: History): Report['operations'] => {
  const { receipts, ended, heard, publishing } = chaos.workload
  const statuses = [...ended.values()]
  const closed: Record<string, number> = {}
  for (const { closed: how } of history.attempts) closed[how ?? 'open'] = (closed[how ?? 'open'] ?? 0) + 1
  return {
    'directives ended': statuses.length,
    'of them completed': statuses.filter((status) => status === 'completed').length,
    'tasks handed to daemons': history.attempts.length,
    'work accepted': history.attempts.filter(isAccepted).length,
    ...Object.fromEntries(Object.entries(closed).map(([how, count]) => [`attempts ${how}`, count])),
    'steps of a later build': history.laterSteps,
    'effects of attempts': history.effects.length,
    'commands answered': receipts.all.length,
    'commands asked for again': receipts.all.reduce((sum, { tries }) => sum + tries - 1, 0),
    'directives tried again by a person': receipts.all.filter(({ verb }) => verb === 'retry').length,
    'plain publishes that the stream had': publishing.all.filter(({ incarnation }) => incarnation !== null).length,
    'of them lost when it was wiped': publishing.all.filter(({ wiped }) => wiped).length,
    'directives deleted by a person': chaos.workload.deleted.size,
    'events heard': [...heard.values()].reduce((sum, numbers) => sum + numbers.length, 0),
    'connections cut': chaos.site.links.reduce((sum, { cuts }) => sum + cuts, 0),
  }
}

const reportOf = (options: ChaosOptions, chaos: Chaos, history: History, folder: string, tookMs: number): Report => {
  const handOffs = history.attempts.map(({ openedAt }) => openedAt).toSorted((a, b) => a - b)
  const report: Report = {
    seed: options.seed,
    minutes: tookMs / minute,
    faults: countsOf(chaos.faults),
    skipped: [...chaos.skipped],
    operations: operationsOf(chaos, history),
    recovery: recoveryOf(chaos.faults, handOffs),
    stoodStill: spreadOf([...history.directives].map(([id, { stoodStillMs: ms }]) => ({ ms, of: id }))),
    violations: [...chaos.violations],
    folder,
  }
  report.violations = [
    ...chaos.violations,
    ...tooLittle({ minutes: options.minutes, kinds: options.only.length }, report),
  ]
  return report
}

/** Throws when the signal comes first. */
const runAll = async (
  options: ChaosOptions,
  { folder, violations, signal }: Pick<ChaosSetup, 'folder' | 'violations' | 'signal'>,
): Promise<Report> => {
  const { seed, nodes, keep } = options
  say(`Seed ${seed}; everything lies in ${folder}`)
  const setup = {
    checkout: process.cwd(),
    folder,
    nodes,
    daemons,
    slots,
    seed,
    keep,
    violations,
    signal,
    say,
    smallDisk: options.only.includes('disk-full'),
  }
  const chaos = await Chaos.start(setup)
  const began = performance.now()
  const noMore = new AbortController()
  setMaxListeners(0, noMore.signal)
  try {
    const working = chaos.workload.run(options.directives)
    const faults = faultsUntil(chaos, options, noMore.signal)
    await chaos.unlessStuck(Promise.race([faults, abortedBy(signal)]))
    const tookMs = performance.now() - began
    signal.throwIfAborted()
    chaos.workload.finish()
    noMore.abort(new Error('no more faults'))
    // One that is under way is healed first.
    await faults.catch(() => undefined)
    say('No more faults: all that is open is to end.')
    await chaos.unlessStuck(Promise.race([working, abortedBy(signal)]))
    signal.throwIfAborted()
    return reportOf(options, chaos, await chaos.judge(), folder, tookMs)
  } catch (error) {
    noMore.abort(error)
    await chaos.stop()
    throw error
  }
}

const abortedBy = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Of this process. */
const interrupted = (): AbortSignal => {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  let last = -Infinity
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // One Ctrl-C may arrive twice, from the terminal and from npm.
      const isRepeated = performance.now() - last < sameSignalMs
      last = performance.now()
      if (isRepeated) return
      // The second time nothing is waited for: what runs is ended at the exit.
      if (controller.signal.aborted) process.exit(interruptedExit)
      say('Stopping …')
      controller.abort(new Error('interrupted'))
    })
  }
  return controller.signal
}

const main = async (): Promise<number> => {
  const options = asked(process.argv.slice(2))
  const signal = interrupted()
  const violations: string[] = []
  let isWell = false
  const isToGo = (): boolean => !options.keep && violations.length === 0 && (isWell || signal.aborted)
  const folder = runFolder(isToGo)
  const report = await runAll(options, { folder, violations, signal }).catch((error: unknown) => {
    if (signal.aborted) return null
    throw error
  })
  if (report === null) {
    if (!isToGo()) say(`Logs and data: ${folder}`)
    return interruptedExit
  }
  isWell = report.violations.length === 0
  writeFileSync(join(folder, 'report.json'), JSON.stringify(report, null, 2))
  if (isToGo()) report.folder = null
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${textOf(report)}\n`)
  return isWell ? 0 : 1
}

// Servers that are being started hold no process: until they have ended, too, this one waits for them.
setInterval(() => undefined, minute)
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exit(2)
  },
)
