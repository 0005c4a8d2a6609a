/**
 * Looks into one actor: its snapshot now or then, what it took, what it would take next and what a message would do. Reads only what
 * was committed, folds only what was asked for, and changes nothing.
 */
import type { z } from 'zod'
import { type Live, machineNameOf } from '../machines/advance.ts'
import type { Given } from '../machines/given.ts'
import type { Catalog } from '../machines/versions.ts'
import { nextOf } from '../machines/next.ts'
import { changesOf } from '../protocol/changes.ts'
import { WritError } from '../protocol/errors.ts'
import { shortened } from '../protocol/fitting.ts'
import { type ActorKey, addressOf, readKey } from '../protocol/ids.ts'
import type { ActorDiff, ActorView, lookCommands, NextView, TrialView } from '../protocol/looking.ts'
import { withoutSecrets } from '../protocol/redaction.ts'
import { isoTime } from '../protocol/time.ts'
import { actorView, comingView, pastView, standingOf } from './actor-view.ts'
import { journalPage } from './journal-page.ts'
import { residentOf } from './loader.ts'
import { migrating } from './migrating.ts'
import { missing } from './removal.ts'
import { pastDirective } from './past-directive.ts'
import type { History, Surroundings } from './ports/history.ts'
import type { LoadedActor } from './ports/store.ts'
import type { Replaying } from './replaying.ts'
import { type Moment, stateAt } from './state-at.ts'
import { trialView } from './trying.ts'

type Input<V extends keyof typeof lookCommands> = z.output<(typeof lookCommands)[V]>

export class Looking {
  readonly #history: History
  readonly #replaying: Replaying
  readonly #machines: Catalog

  constructor(history: History, replaying: Replaying, machines: Catalog) {
    this.#history = history
    this.#replaying = replaying
    this.#machines = machines
  }

  /** Throws NOT_FOUND, and PARKED where no machine of this build opens the snapshot. */
  async answer(key: ActorKey, verb: string, body: unknown): Promise<object> {
    switch (verb) {
      case 'get':
        return shortened(await this.#get(key, (body as Input<'get'>).at))
      case 'journal':
        await this.#actor(key)
        return journalPage(this.#replaying, key, body as Input<'journal'>)
      case 'diff':
        return this.#diff(key, body as Input<'diff'>)
      case 'next':
        return this.#next(key, body as Input<'next'>)
      case 'try':
        return this.#try(key, body as Input<'try'>)
      case 'past':
        hasTaken(await this.#actor(key), (body as Input<'past'>).at)
        return pastDirective(this.#history, this.#replaying, key, body as Input<'past'>)
      default:
        throw new WritError('BAD_INPUT', `there is no actor.${verb}`)
    }
  }

  async #actor(key: ActorKey): Promise<LoadedActor> {
    const found = await this.#history.actor(key)
    if (found !== null) return found
    const error = await missing(this.#history, 'actor', key)
    if (error.code === 'GONE') throw error
    throw new WritError('NOT_FOUND', `there is no actor ${readKey(key).id}`, {
      hint: 'it is named by the id of a directive or a step (which becomes an actor when it is first told something), or as registry',
    })
  }

  async #get(key: ActorKey, at: Moment | undefined): Promise<ActorView> {
    const actor = await this.#actor(key)
    const surroundings = await this.#history.surroundings(key)
    if (at === undefined) return actorView(actor, surroundings, this.#machines)
    hasTaken(actor, at)
    return pastView(actor, await stateAt(this.#replaying, key, at), surroundings)
  }

  async #diff(key: ActorKey, { from, to }: Input<'diff'>): Promise<ActorDiff> {
    const [before, after] = [await this.#get(key, from), await this.#get(key, to)]
    const of = ({ status, state, context, waiting }: ActorView) => ({ status, state, waiting, context })
    return shortened({ from: before, to: after, changes: changesOf(of(before), of(after)) })
  }

  async #next(key: ActorKey, { type }: Input<'next'>): Promise<NextView> {
    const { live, given, surroundings, place, waiting, migrates } = await this.#present(key)
    const next = nextOf(live, given, type)
    const due = new Map(surroundings.timers.map((timer) => [timer.id, isoTime(timer.due)]))
    return shortened({
      ...place,
      ...standingOf(live),
      waiting,
      migrates,
      messages: next.messages.map(({ type: of, about, heldBack, message, ...coming }) => ({
        type: of,
        about,
        ...comingView(coming),
        heldBack,
        message: withoutSecrets(message),
      })),
      timers: next.timers.map(({ id, ...coming }) => ({ id, due: due.get(id) ?? null, ...comingView(coming) })),
      unanswered: next.unanswered,
    })
  }

  async #try(key: ActorKey, what: Input<'try'>): Promise<TrialView> {
    const { live, given, place, migrates } = await this.#present(key)
    return shortened({ ...place, migrates, ...trialView(live, given, what) })
  }

  /** The committed snapshot, as of the machine on which it would take something now, with all that a turn would lay in. */
  async #present(key: ActorKey): Promise<Present> {
    const actor = await this.#actor(key)
    const { row } = actor
    const { live, parked } = residentOf(actor, this.#machines)
    if (live === null)
      throw new WritError('PARKED', `${row.id} is parked: ${parked ?? ''}`, {
        hint: `writ actor show ${row.id} shows its snapshot as it is stored`,
      })
    const surroundings = await this.#history.surroundings(key)
    const given = { at: surroundings.now, seed: 'try', settings: await this.#replaying.settings(key) }
    const place = { id: row.id, address: addressOf(row.owner, row.id), version: row.version }
    const moved = await this.#moved(key, live, given)
    return {
      live: moved ?? live,
      given,
      surroundings,
      place,
      waiting: row.waiting,
      migrates: moved && machineNameOf(moved),
    }
  }

  /** What its next message makes of it before it is taken; null: it stays what it is. Throws PARKED where that would park it. */
  async #moved(key: ActorKey, live: Live, given: Given<unknown>): Promise<Live | null> {
    const written = await this.#history.written()
    try {
      return migrating({ machines: this.#machines, written: () => written }, key, live, given)?.result.live ?? null
    } catch (cause) {
      const { message } = cause as Error
      const { id } = readKey(key)
      throw new WritError('PARKED', `${id} would be parked by whatever it takes next: ${message}`, {
        hint: `writ actor show ${id} shows it as it is`,
        cause,
      })
    }
  }
}

/** Throws NOT_FOUND for a version that is yet to come: what would be shown is another one. */
const hasTaken = ({ row: { id, version } }: LoadedActor, at: Moment): void => {
  if (typeof at === 'string' || at <= version) return
  throw new WritError('NOT_FOUND', `${id} has no version ${at} yet`, { hint: `its last one is ${version}` })
}

interface Present {
  live: Live
  given: Given<unknown>
  surroundings: Surroundings
  place: { id: string; address: string; version: number }
  waiting: string | null
  migrates: string | null
}
