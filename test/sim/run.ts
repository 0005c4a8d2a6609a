/** `npm run sim`: worlds by seed on several threads, the regressions first, or one of them once more (docs/simulator.md). */
import { availableParallelism } from 'node:os'
import { type Asked, asked } from './arguments.ts'
import { changed } from './changes.ts'
import { reachablePairs, whyNever } from './coverage.ts'
import { tooLittle } from './floors.ts'
import type { Result } from './job.ts'
import { described } from './options.ts'
import { swarm } from './swarm.ts'
import { Pool } from './pool.ts'
import { failedLine, progressLine, shrunkText, type Spent, summaryText, uncoveredText } from './report.ts'
import { regressions, type Regression, type Seed, seedOf } from './seeds.ts'
import { Shrinking } from './shrink.ts'
import { Tally } from './tally.ts'
import { simulate } from './world.ts'

/** How often a line says how far it is; a terminal has one that lives. */
const tellMs = { terminal: 250, file: 10_000 }
/** Of those that failed only a few are made smaller. */
const shrunkMax = 3
const shrinkMsMax = 300_000
const interruptedCode = 130

class Run {
  readonly #asked: Asked
  readonly #tally = new Tally()
  readonly #known: Regression[] = regressions()
  readonly #began = performance.now()
  readonly #pool: Pool
  #given = 0
  #isInterrupted = false

  constructor(what: Asked) {
    this.#asked = what
    this.#pool = new Pool(
      () => this.#next(),
      (result) => this.#done(result),
    )
  }

  /** Answers the exit code. */
  async run(): Promise<number> {
    const interrupt = (): void => {
      this.#isInterrupted = true
      this.#pool.stop()
    }
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    const told = setInterval(() => this.#tell(), process.stderr.isTTY ? tellMs.terminal : tellMs.file)
    await this.#pool.run(this.#asked.jobs)
    clearInterval(told)
    this.#clear()
    const spent = { seconds: this.#seconds, processorSeconds: processorSeconds() }
    const isWhole = !this.#isInterrupted
    await this.#shrinkAll()
    return this.#end(spent, isWhole)
  }

  get #seconds(): number {
    return (performance.now() - this.#began) / 1000
  }

  get #count(): number {
    return this.#known.length + this.#asked.seeds
  }

  /** Those that found something once come first. */
  #next(): Seed | null {
    const { from, size, failures } = this.#asked
    if (this.#tally.failed.length >= failures || this.#given >= this.#count) return null
    const at = this.#given++
    return this.#known[at] ?? seedOf(from + at - this.#known.length, size)
  }

  #done(result: Result): void {
    this.#tally.add(result)
    if (result.violations.length === 0) return
    this.#clear()
    const known = this.#known.find(({ seed, size }) => seed === result.seed && size === result.size)
    console.log(failedLine(result), known === undefined ? '' : `\n  it once found: ${known.found}`)
  }

  async #shrinkAll(): Promise<void> {
    for (const at of this.#tally.failed.slice(0, shrunkMax)) {
      if (this.#isInterrupted) return
      const options = swarm(at.seed, at.size)
      const outcome = await simulate(options)
      // What two runs tell apart, or a thread that ended, one run here does not show.
      if (outcome.violations.length === 0) continue
      const until = performance.now() + shrinkMsMax
      const isOver = (): boolean => this.#isInterrupted || performance.now() > until
      const shrunk = await new Shrinking(options, outcome, isOver).run()
      console.log(`\n${shrunkText(at, shrunk)}\n`)
    }
  }

  /** `isWhole`: all worlds were run. */
  #end(spent: Spent, isWhole: boolean): number {
    const tally = this.#tally
    const reachable = reachablePairs()
    const missing = isWhole ? tooLittle(tally, reachable, this.#asked.size) : []
    if (this.#asked.uncovered) console.log(uncoveredText(tally, reachable))
    for (const each of missing) console.log(`too little happened: ${each}`)
    const never = [...tally.visited].filter((pair) => whyNever(pair) !== null)
    for (const pair of never) console.log(`there can be no such pair, and it was met: ${pair} (${whyNever(pair)})`)
    if (!isWhole) console.log(`interrupted after ${tally.seeds} of ${this.#count} seeds`)
    console.log(summaryText(tally, reachable, spent))
    if (tally.failed.length > 0 || missing.length > 0 || never.length > 0) return 1
    return isWhole ? 0 : interruptedCode
  }

  #tell(): void {
    this.#clear()
    const line = progressLine(this.#tally, this.#count, this.#seconds)
    process.stderr.write(process.stderr.isTTY ? line : `${line}\n`)
  }

  #clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  }
}

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** One world with its whole trace. Answers the exit code. */
const replay = async (at: Seed, { changes }: Asked): Promise<number> => {
  const options = changed(swarm(at.seed, at.size), changes)
  const { trace, digest, violations } = await simulate(options)
  console.log(trace.lines.join('\n'))
  console.log(`its world: ${described(options)}`)
  console.log(`the trace's hash: ${digest}`)
  console.log(violations.length === 0 ? 'no rule breaks' : `breaks ${violations.join('\n  and ')}`)
  return violations.length === 0 ? 0 : 1
}

const what = asked(process.argv.slice(2), availableParallelism())
process.exitCode = what.seed === null ? await new Run(what).run() : await replay(seedOf(what.seed, what.size), what)
