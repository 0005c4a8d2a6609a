/**
 * The heart of a thread: takes units in order, forms a batch of them, commits it in one call, and only then lets out what
 * the batch wants to say. While one commit is in flight the next batch forms on top of it; if the commit fails, both are
 * discarded, memory is forgotten, and their units are run again (DESIGN 4).
 */
import { WritError } from '../protocol/errors.ts'
import { Alone } from './alone.ts'
import { admits, type Batch, checkHeld, count, emptyBatch, isFull } from './batch.ts'
import { packJournal } from './codec.ts'
import type { Host } from './host.ts'
import { pairOf } from './letter.ts'
import { sealRow } from './seal.ts'
import { type Around, isOwn, runAgain } from './recovery.ts'
import { Turn } from './turn.ts'
import type { Unit } from './unit.ts'

/** How often a unit is tried in a row while the store does not answer it. */
const unreachableMax = 5
/** How soon a unit of the thread's own is tried again while its lease is not trusted. */
const againMs = 250

export class Loop {
  readonly #host: Host
  readonly #around: Around
  #queue: Unit[] = []
  #forming: Batch = emptyBatch()
  #flight: Promise<void> | null = null
  #inFlight: Batch | null = null
  readonly #alone: Alone
  #current: Unit | null = null
  /** The epoch of its shard when the present unit began: it may have read what came before another one. */
  #began = -1
  #failed: { error: unknown; batches: Batch[] } | null = null
  #wake: (() => void) | null = null
  #running: Promise<void> | null = null
  #stopping = false

  constructor(host: Host, around: Around) {
    this.#host = host
    this.#around = around
    this.#alone = new Alone(host.clock)
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
    const current = (): readonly Unit[] => (this.#current === null ? [] : [this.#current])
    const all = (): readonly (readonly Unit[])[] => [
      this.#queue,
      current(),
      this.#forming.units,
      this.#inFlight?.units ?? [],
      this.#failed?.batches.flatMap(({ units }) => units) ?? [],
    ]
    while (all().some(isBusy)) await new Promise<void>((resolve) => this.#host.clock.after(5, resolve))
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
      else if (this.#queue.length > 0 && !isFull(this.#forming) && !this.#isOneByOne()) continue
      else if (this.#stopping && this.depth === 0) return
      else await this.#sleep()
    }
  }

  /** Until a unit comes or the commit in flight ends. */
  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = null
  }

  #isOneByOne(): boolean {
    return this.#alone.is && this.#flight !== null
  }

  async #form(): Promise<void> {
    if (this.#isOneByOne()) return
    while (this.#queue.length > 0 && !isFull(this.#forming) && this.#failed === null) {
      if (this.#alone.is && this.#forming.units.length > 0) return
      const unit = this.#queue.shift() ?? null
      this.#current = unit
      if (unit !== null) await this.#runUnit(unit)
      this.#current = null
    }
  }

  async #runUnit(unit: Unit): Promise<void> {
    this.#forming.alone = this.#alone.is
    this.#alone.ran()
    const { timer } = unit
    // Set anew or cancelled in a batch that is under way: what the store said of it is out of date.
    if (timer !== null && this.isTimerTouched(`${timer.key} ${timer.id}`)) return this.#around.over(unit, false)
    const epoch = this.#around.epoch(unit.shard)
    if (epoch === null) {
      if (isOwn(unit) && this.#around.epochs().has(unit.shard)) return this.#later(unit)
      this.#drop(unit)
      unit.asker?.fail(new WritError('NOT_HOLDER', 'this thread does not hold the shard any more'))
      return
    }
    this.#began = epoch
    const { memory } = this.#host
    const turn = new Turn(this.#host, this.#forming.draft)
    if (unit.apart) turn.standApart()
    memory.mark()
    this.#around.turning(unit.row?.id ?? null)
    try {
      const reply = await unit.run(turn)
      turn.draft.weigh((key) => memory.actors.get(key)?.live?.snapshot.context)
      if (admits(this.#forming, turn.draft)) this.#admit(unit, turn, reply)
      else this.#next(unit)
    } catch (error) {
      this.#undo(unit)
      await this.#reject(unit, error)
    } finally {
      this.#around.turning(null)
    }
  }

  /** The lease is not trusted just now, and may be again: what the thread itself has noticed nobody would bring once more. */
  #later(unit: Unit): void {
    this.#host.clock.after(againMs, () => this.push(unit))
  }

  /** What it takes back is of the time when it began, and nothing to anybody who holds the shard anew. */
  #undo({ shard }: Unit): void {
    const { memory } = this.#host
    memory.undo()
    if (this.#around.epochs().get(shard) !== this.#began) memory.forgetShards(new Set([shard]))
  }

  /** It is undone, and is the first of the next batch. */
  #next(unit: Unit): void {
    this.#undo(unit)
    this.#queue.unshift(unit)
    this.#forming.full = true
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
    this.#join(unit, draft.shards)
    if (asker === null) return
    const { refusal } = turn
    batch.after.push(() => (refusal === null ? asker.reply(reply) : asker.fail(refusal)))
  }

  #join(unit: Unit, shards: ReadonlySet<number>): void {
    const batch = this.#forming
    batch.units.push(unit)
    for (const shard of shards) {
      batch.draft.shards.add(shard)
      const epoch = shard === unit.shard ? this.#began : (this.#around.epoch(shard) ?? -1)
      if (!batch.epochs.has(shard)) batch.epochs.set(shard, epoch)
    }
  }

  /** The unit itself failed: an error for the asker, a count against a message; the rest of the batch goes on. */
  async #reject(unit: Unit, error: unknown): Promise<void> {
    if (error instanceof WritError && error.code === 'UNREACHABLE') return this.#unreachable(unit, error)
    const { asker, shard } = unit
    if (error instanceof WritError && asker !== null && unit.row === null) {
      // What was read may come of a batch that does not hold: the refusal is sent with the batch.
      this.#join(unit, new Set([shard]))
      this.#forming.after.push(() => asker.fail(error))
      return
    }
    if (!(error instanceof WritError)) this.#host.log.error({ what: unit.what, err: error }, 'a unit failed')
    asker?.fail(new WritError('INTERNAL', `${unit.what} failed`))
    this.#drop(unit)
    await this.#around.poisoned(unit, error)
  }

  /** Tried again; one that the store never answers must not stop those behind it. */
  #unreachable(unit: Unit, error: WritError): void {
    unit.unreachable++
    if (unit.unreachable <= unreachableMax) this.#queue.unshift(unit)
    else if (isOwn(unit)) this.#queue.push({ ...unit, unreachable: 0 })
    else {
      unit.asker?.fail(error)
      this.#drop(unit)
    }
    this.#fail(error, [])
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
    try {
      checkHeld(batch, this.#around.epochs())
      const commit = draft.commit(batch.epochs, (key, version) => sealRow(this.#host, key, version), packJournal)
      this.#held(batch, await this.#around.commit(commit))
    } catch (error) {
      this.#fail(error, [batch])
    }
  }

  /** It counts, whatever becomes of telling so: what fails at that is found by a later look. */
  #held(batch: Batch, messages: readonly number[]): void {
    const { draft, units, after } = batch
    const { figures, log } = this.#host
    count(figures, batch)
    const over = units.map((unit) => () => this.#around.over(unit, true))
    for (const tell of [...over, () => this.#around.out(draft, messages), ...after]) {
      try {
        tell()
      } catch (error) {
        log.error({ err: error }, 'a commit held, and telling of it failed')
      }
    }
  }

  /** The failure of a commit weighs more than that of a read: its batch is in it. */
  #fail(error: unknown, batches: Batch[]): void {
    if (this.#failed === null || this.#failed.batches.length === 0) this.#failed = { error, batches }
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
    const actors = batches.flatMap(({ draft }) => [...draft.actors.keys()])
    const isAgain = code === 'UNKNOWN_RESULT' && this.#alone.unanswered()
    const failure = { code, error, isAgain, units: refused, shards, actors }
    const { units: again, alone } = await runAgain(this.#host, this.#around, failure)
    this.#alone.next(alone)
    // What was read while nobody knew whether the commit had held may be from before it.
    this.#host.memory.forget()
    this.#queue = [...again, ...forming.units, ...this.#queue]
    for (const unit of refused) if (!again.includes(unit)) this.#drop(unit)
  }

  /** A row that is not taken now comes again with the next look, and so do those in line behind it of the same pair: none overtakes it. */
  #drop(unit: Unit): void {
    const isBehind = ({ row }: Unit): boolean => row !== null && unit.row !== null && pairOf(row) === pairOf(unit.row)
    const dropped = [unit, ...this.#queue.filter(isBehind)]
    this.#queue = this.#queue.filter((each) => !isBehind(each))
    for (const each of dropped) this.#around.over(each, false)
  }
}
