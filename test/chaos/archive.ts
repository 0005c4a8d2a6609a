/** What was stored of directives soon after their end: with time, or by a person's word, it goes while a run is still on. */
import { setTimeout as delay } from 'node:timers/promises'
import type postgres from 'postgres'
import { type History, isSettled, readStored, type Stored } from './history.ts'

const lookMs = 200

export class Archive {
  readonly #sql: postgres.Sql
  readonly #kept = new Map<string, Stored>()

  constructor(sql: postgres.Sql) {
    this.#sql = sql
  }

  /** Reads all of a directive that has ended, once nothing of it is under way. Answers with the number of its last event. */
  async keep(id: string, signal: AbortSignal): Promise<number> {
    const key = `default/${id}`
    const read = async (): Promise<Stored | null> =>
      (await isSettled(this.#sql, key)) ? readStored(this.#sql, key) : null
    for (;;) {
      // Again and again while Postgres is mistreated.
      const stored = await read().catch(() => null)
      if (stored !== null) {
        this.#kept.set(id, stored)
        return stored.directives.get(id)?.events.at(-1) ?? 0
      }
      await delay(lookMs, undefined, { signal })
    }
  }

  /** The history, in which what was read before stands for what is there now. */
  merged(history: History): History {
    const kept = [...this.#kept.values()]
    const isKept = (id: string): boolean => this.#kept.has(id)
    return {
      ...history,
      directives: new Map([...history.directives, ...kept.flatMap(({ directives }) => [...directives])]),
      steps: new Map([...history.steps, ...kept.flatMap(({ steps }) => [...steps])]),
      attempts: [
        ...history.attempts.filter(({ directive }) => !isKept(directive)),
        ...kept.flatMap(({ attempts }) => attempts),
      ],
      told: new Map([...history.told, ...kept.flatMap(({ told }) => [...told])]),
      endedAs: new Map([...history.endedAs, ...kept.flatMap(({ endedAs }) => [...endedAs])]),
      cut: new Set([...[...history.cut].filter((id) => !isKept(id)), ...kept.flatMap(({ cut }) => [...cut])]),
    }
  }
}
