/**
 * The heart of a thread: takes units in order, forms a batch of them, commits it in one call, and only then lets out what
 * the batch wants to say. While one commit is in flight the next batch forms on top of it; if the commit fails, both are
 * discarded, memory is forgotten, and their units are run again (DESIGN 4).
 */
import { WritError } from '../protocol/errors.ts'
import { batchMessagesMax, commitActorsMax, commitBytesMax } from '../protocol/limits.ts'
import { packJournal } from './codec.ts'
import { Draft } from './draft.ts'
import type { Host } from './host.ts'
import { sealRow } from './seal.ts'
import { Turn } from './turn.ts'
import type { Unit } from './unit.ts'

/** What the loop asks of whoever holds the shards and speaks to the world. */
export interface Around {
  /** The epoch of a held shard, or null when it is not held (any more). */
  epoch: (shard: number) => number | null
  epochs: () => ReadonlyMap<number, number>
  commit: (draft: ReturnType<Draft['commit']>) => Promise<readonly number[]>
  /** A commit said FENCED: finds out which shards were lost. */
  fenced: () => Promise<void>
  /** A commit's result is unknown: takes new epochs for these shards, however long it takes. */
  reclaim: (shards: readonly number[]) => Promise<void>
  /** After the commit: what goes out, and the rows that were made. */
  out: (draft: Draft, messages: readonly number[]) => void
  /** A unit is over: committed, or dropped. */
  over: (unit: Unit, committed: boolean) => void
  /** A message that can never be taken: counted, and parked in the end. */
  poisoned: (unit: Unit, error: unknown) => Promise<void>
}

interface Batch {
  draft: Draft
  units: Unit[]
  after: (() => void)[]
}

const emptyBatch = (): Batch => ({ draft: new Draft(), units: [], after: [] })

export class Loop {
  readonly #host: Host
  readonly #around: Around
  #queue: Unit[] = []
  #forming: Batch = emptyBatch()
  #flight: Promise<void> | null = null
  #inFlight: Batch | null = null
  /** Units of a batch that the database refused run one at a time, until they are through. */
  #single = 0
  #failed: { error: unknown; batches: Batch[] } | null = null
  #wake: (() => void) | null = null
  #running: Promise<void> | null = null
  #stopping = false

  constructor(host: Host, around: Around) {
    this.#host = host
    this.#around = around
  }

  /** Units that wait, those of the batches under way included. */
  get depth(): number {
    return this.#queue.length + this.#forming.units.length + (this.#inFlight?.units.length ?? 0)
  }

  push(unit: Unit): void {
    this.#queue.push(unit)
    this.#wake?.()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Finishes what is in line, then ends. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake?.()
    await this.#running
  }

  /** Resolves when nothing of these shards is in line or under way. */
  async quiet(shards: ReadonlySet<number>): Promise<void> {
    const isBusy = (units: readonly Unit[]): boolean => units.some(({ shard }) => shards.has(shard))
    while (isBusy(this.#queue) || isBusy(this.#forming.units) || isBusy(this.#inFlight?.units ?? []))
      await new Promise<void>((resolve) => this.#host.clock.after(5, resolve))
  }

  /** Shards with changes that are not committed yet: what memory knows of them is nowhere else. */
  get busyShards(): ReadonlySet<number> {
    return new Set([...this.#forming.draft.shards, ...(this.#inFlight?.draft.shards ?? [])])
  }

  /** Whether a timer is set or cancelled by a batch that is not committed yet: what the store said of it is out of date. */
  isTimerTouched(key: string): boolean {
    return this.#forming.draft.timers.has(key) || (this.#inFlight?.draft.timers.has(key) ?? false)
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#failed !== null) await this.#recover()
      await this.#form()
      if (this.#failed !== null) continue
      if (this.#flight === null && this.#forming.units.length > 0) this.#launch()
      else if (this.#queue.length > 0 && !this.#isFull() && !this.#isOneByOne()) continue
      else if (this.#stopping && this.depth === 0) return
      else await this.#sleep()
    }
  }

  /** Until a unit comes or the commit in flight ends. */
  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = null
  }

  #isOneByOne(): boolean {
    return this.#single > 0 && this.#flight !== null
  }

  #isFull(): boolean {
    const { draft, units } = this.#forming
    if (this.#single > 0) return units.length > 0
    return (
      units.length >= batchMessagesMax || draft.actors.size >= commitActorsMax / 2 || draft.bytes >= commitBytesMax / 2
    )
  }

  async #form(): Promise<void> {
    if (this.#isOneByOne()) return
    while (this.#queue.length > 0 && !this.#isFull() && this.#failed === null) {
      const unit = this.#queue.shift()
      if (unit !== undefined) await this.#runUnit(unit)
    }
  }

  async #runUnit(unit: Unit): Promise<void> {
    if (this.#around.epoch(unit.shard) === null) {
      this.#drop(unit)
      unit.asker?.fail(new WritError('NOT_HOLDER', 'this thread does not hold the shard any more'))
      return
    }
    const { memory } = this.#host
    const turn = new Turn(this.#host, this.#forming.draft)
    memory.mark()
    try {
      const reply = await unit.run(turn)
      this.#admit(unit, turn, reply)
    } catch (error) {
      memory.undo()
      await this.#reject(unit, error)
    }
  }

  /** A refusal, too, is answered only once the batch has shown that this thread still holds the shard. */
  #admit(unit: Unit, turn: Turn, reply: object): void {
    const { draft } = turn
    draft.shards.add(unit.shard)
    if (unit.row !== null) draft.consumed.push(unit.row.id)
    const { timer, asker } = unit
    if (timer !== null) draft.fired.push({ key: timer.key, id: timer.id, generation: timer.generation })
    const batch = this.#forming
    batch.draft.take(draft)
    batch.units.push(unit)
    if (asker === null) return
    const { refusal } = turn
    batch.after.push(() => (refusal === null ? asker.reply(reply) : asker.fail(refusal)))
  }

  /** The unit itself failed: an error for the asker, a count against a message; the rest of the batch goes on. */
  async #reject(unit: Unit, error: unknown): Promise<void> {
    if (error instanceof WritError && error.code === 'UNREACHABLE') {
      this.#queue.unshift(unit)
      this.#fail(error, [])
      return
    }
    if (!(error instanceof WritError)) this.#host.log.error({ what: unit.what, err: error }, 'a unit failed')
    unit.asker?.fail(error instanceof WritError ? error : new WritError('INTERNAL', `${unit.what} failed`))
    this.#drop(unit)
    if (unit.row !== null || unit.timer !== null) await this.#around.poisoned(unit, error)
  }

  #launch(): void {
    const batch = this.#forming
    this.#forming = emptyBatch()
    this.#inFlight = batch
    this.#flight = this.#commit(batch).finally(() => {
      this.#flight = null
      this.#inFlight = null
      this.#wake?.()
    })
  }

  async #commit(batch: Batch): Promise<void> {
    const { draft } = batch
    const { figures } = this.#host
    try {
      const commit = draft.commit(
        this.#around.epochs(),
        (key, version) => sealRow(this.#host, key, version),
        packJournal,
      )
      const messages = await this.#around.commit(commit)
      figures.commits++
      figures.units += batch.units.length
      figures.actorRows += draft.actors.size
      figures.rows += draft.rowCount
      figures.messageRows += draft.messages.length
      if (this.#single > 0) this.#single -= batch.units.length
      for (const unit of batch.units) this.#around.over(unit, true)
      this.#around.out(draft, messages)
      for (const call of batch.after) call()
    } catch (error) {
      this.#fail(error, [batch])
    }
  }

  #fail(error: unknown, batches: Batch[]): void {
    this.#failed = { error, batches }
    this.#wake?.()
  }

  /** Both batches are void; memory is read again; what may run again does. */
  async #recover(): Promise<void> {
    if (this.#flight !== null) await this.#flight
    const { error, batches } = this.#failed ?? { error: null, batches: [] }
    this.#failed = null
    const forming = this.#forming
    this.#forming = emptyBatch()
    this.#host.memory.forget()
    const code = error instanceof WritError ? error.code : 'INTERNAL'
    const refused = batches.flatMap(({ units }) => units)
    const shards = [...new Set(batches.flatMap(({ draft }) => [...draft.shards]))]
    const again = await this.#again(code, error, refused, shards)
    this.#queue = [...again, ...forming.units, ...this.#queue]
    for (const unit of refused) if (!again.includes(unit)) this.#drop(unit)
  }

  /** A row that is not taken now comes again with the next look, and so do those in line behind it: none overtakes it. */
  #drop(unit: Unit): void {
    this.#around.over(unit, false)
    if (unit.row === null) return
    const isBehind = ({ row, shard }: Unit): boolean => row !== null && shard === unit.shard
    const behind = this.#queue.filter(isBehind)
    this.#queue = this.#queue.filter((each) => !isBehind(each))
    for (const each of behind) this.#around.over(each, false)
  }

  /** What becomes of the units of a failed commit: those to run again. */
  async #again(code: string, error: unknown, units: Unit[], shards: readonly number[]): Promise<Unit[]> {
    const { log, figures, clock } = this.#host
    if (code === 'UNREACHABLE') {
      await new Promise<void>((resolve) => clock.after(200, resolve))
      return units
    }
    log.warn({ code, err: error, units: units.length }, 'a commit did not hold')
    if (code === 'FENCED') {
      await this.#around.fenced()
      return units
    }
    if (code === 'UNKNOWN_RESULT') {
      figures.unknownCommits++
      await this.#around.reclaim(shards)
      return []
    }
    if (code === 'CONFLICT')
      return units.filter((unit) => unit.row === null && unit.timer === null && ++unit.conflicts <= 3)
    figures.refusedCommits++
    return this.#bisect(error, units)
  }

  /** A definite refusal: the units run one by one; the one that is refused alone is to blame. */
  async #bisect(error: unknown, units: Unit[]): Promise<Unit[]> {
    const [only] = units
    if (units.length > 1 || only === undefined) {
      this.#single = units.length
      return units
    }
    this.#single = Math.max(0, this.#single - 1)
    only.asker?.fail(new WritError('INTERNAL', `the database refused ${only.what}`, { cause: error }))
    await this.#around.poisoned(only, error)
    return []
  }
}
