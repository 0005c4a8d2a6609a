/**
 * The disk of a simulated machine, as far as a daemon has its home there: it outlives the process. What was only replaced may be gone
 * once the machine has lost its power, as of a real one (src/daemon/durable-file.ts).
 */
import type { AttemptRecord, RecordFiles } from '../../src/daemon/attempts.ts'
import type { Home } from '../../src/daemon/home.ts'
import type { Clock } from '../../src/actors/ports/clock.ts'
import type { Luck } from './luck.ts'
import type { Process } from './process.ts'
import type { SimRandom } from './random.ts'

interface File {
  text: string
  /** As it is there whatever happens to the machine; null: not at all. */
  durable: string | null
}

const slowMs = 5_000
const damaged = '{"task":'

export class SimDisk {
  readonly #files = new Map<string, File>()
  #identity: { id: string; session: string }
  /** Work that was begun of the records here, and its nonce, by `<task>/<attempt>`. */
  readonly begun = new Map<string, string>()
  /** Attempts of which a holder has said what became of their outcome. */
  readonly receipted = new Set<string>()

  constructor(random: SimRandom) {
    this.#identity = { id: random.token(8), session: `s${random.token(8)}` }
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  read(name: string): string | null {
    return this.#files.get(name)?.text ?? null
  }

  put(name: string, text: string, isDurable: boolean): void {
    const durable = isDurable ? text : (this.#files.get(name)?.durable ?? null)
    this.#files.set(name, { text, durable })
  }

  rename(name: string, to: string): void {
    const file = this.#files.get(name)
    if (file === undefined) return
    this.#files.delete(name)
    this.#files.set(to, file)
  }

  remove(name: string): void {
    this.#files.delete(name)
  }

  get identity(): Readonly<{ id: string; session: string }> {
    return this.#identity
  }

  remember(session: string): void {
    this.#identity = { ...this.#identity, session }
  }

  /** Null: there is none, or it cannot be read. */
  record(key: string): AttemptRecord | null {
    const text = this.read(`${key}.json`)
    return text === null || text === damaged ? null : (JSON.parse(text) as AttemptRecord)
  }

  /** Attempts whose records have no receipt. */
  open(): string[] {
    return this.names().flatMap((name) => {
      const record = name.endsWith('.json') ? this.record(name.slice(0, -'.json'.length)) : null
      return record?.receipt === null ? [`${record.task}/${record.attempt}`] : []
    })
  }

  /** What was not asked to be on the disk may be there, or as it was before, or half of it is. */
  losePower(random: SimRandom): void {
    for (const [name, { text, durable }] of this.#files) {
      if (text === durable || random.chance(0.3)) continue
      if (random.chance(0.2)) this.#files.set(name, { text: damaged, durable: damaged })
      else if (durable === null) this.#files.delete(name)
      else this.#files.set(name, { text: durable, durable })
    }
    for (const key of this.begun.keys()) if (this.record(key.replace('/', '-')) === null) this.begun.delete(key)
  }

  /** Somebody has emptied the folder of the records. */
  clear(): void {
    this.#files.clear()
    this.begun.clear()
  }
}

/** A daemon's home as its process sees it: what it writes may fail, or take its time, and is not there if it dies before. */
export const homeOn = (
  disk: SimDisk,
  process: Process,
  { clock, luck, random }: { clock: Clock; luck: Luck; random: SimRandom },
): { home: Pick<Home, 'id' | 'session' | 'remember'>; files: RecordFiles } => {
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
  const change = (act: () => void): Promise<void> => process.call(() => changed(act), null)
  const changed = async (act: () => void): Promise<void> => {
    if (luck.strikes('recordFails', random))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const isSlow = luck.strikes('recordSlow', random)
    if (isSlow) await sleep(random.between(1, slowMs))
    if (!process.isDead) act()
    if (isSlow) await sleep(random.between(1, slowMs))
  }
  return {
    home: { ...disk.identity, remember: (session) => change(() => disk.remember(session)) },
    files: {
      names: () => disk.names(),
      read: (name) => process.call(() => Promise.resolve(disk.read(name)), null),
      write: (name, text) => change(() => disk.put(name, text, true)),
      replace: (name, text) => change(() => disk.put(name, text, false)),
      rename: (name, to) => process.call(() => Promise.resolve(disk.rename(name, to)), null),
      writtenAt: () => Promise.resolve(null),
      remove: (name) => process.call(() => Promise.resolve(disk.remove(name)), null),
    },
  }
}
