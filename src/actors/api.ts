/** `api.<noun>.<verb>`: what is for no actor in particular. Any thread of any node answers. */
import { parsePlan, planRows } from '../machines/plan.ts'
import type { createDirective, EventsQuery, ListQuery } from '../protocol/commands.ts'
import type { Definition } from '../protocol/directive.ts'
import type { WaitingQuery } from '../protocol/waiting.ts'
import { WritError } from '../protocol/errors.ts'
import type { OwnerFigures, Silences } from '../protocol/figures.ts'
import { chosenId, directiveOf, registryId } from '../protocol/ids.ts'
import { type Drop, type ParkedQuery, readMessageId } from '../protocol/parked.ts'
import { requestDeadlineMs, silencesDeadlineMs } from '../protocol/limits.ts'
import type { z } from 'zod'
import type { Create } from './commands.ts'
import { contentHash } from './content-hash.ts'
import type { Host } from './host.ts'
import { parkedPage, parkedView } from './parked-views.ts'
import type { ParkedRecord, Reader } from './ports/reader.ts'
import type { Asked } from './ports/wire.ts'
import { hasRoom, noRoom } from './room.ts'
import { noParked } from './unparking.ts'

export class ApiDesk {
  readonly #host: Host
  readonly #reader: Reader
  /** Requests under way. */
  #waiting = 0

  constructor(host: Host, reader: Reader) {
    this.#host = host
    this.#reader = reader
  }

  take(asked: Asked): void {
    if (!hasRoom(this.#waiting)) return asked.fail(noRoom())
    this.#waiting++
    void this.#answer(asked)
      .then(asked.reply, asked.fail)
      .finally(() => this.#waiting--)
  }

  async #answer({ owner, id: noun, verb, body }: Asked): Promise<object> {
    const query = body as ListQuery
    switch (`${noun}.${verb}`) {
      case 'directive.create':
        return this.#create(owner, body as z.output<typeof createDirective>)
      case 'directive.list':
        return this.#reader.directives(owner, query)
      case 'task.list':
        return this.#reader.tasks(owner, query)
      case 'daemon.list':
        return this.#reader.daemons(owner, query)
      case 'event.list':
        return this.#reader.allEvents(owner, body as EventsQuery)
      case 'waiting.list':
        return this.#reader.waiting(owner, body as WaitingQuery)
      case 'parked.list':
        return parkedPage(await this.#reader.parked(owner, body as ParkedQuery))
      case 'parked.show':
        return parkedView(await this.#parked(owner, (body as { id: string }).id))
      case 'parked.retry':
      case 'parked.drop':
        return this.#unpark(owner, body as Partial<Drop> & { id: string })
      case 'owner.figures':
        return this.#figures(owner)
      case 'node.list':
        return this.#reader.leases()
      case 'owner.open':
        return this.#host.wire.askHolder(owner, registryId, 'open', {}, requestDeadlineMs)
      default:
        throw new WritError('BAD_INPUT', `there is no api.${noun}.${verb}`)
    }
  }

  async #parked(owner: string, id: string): Promise<ParkedRecord> {
    const record = await this.#reader.parkedOne(owner, id)
    if (record === null) throw noParked(id)
    return record
  }

  /** Decided by the holder of what it is about: a registry's, or its directive's. */
  #unpark(owner: string, { command, id, why, by }: Partial<Drop> & { id: string }): Promise<object> {
    const of = readMessageId(id)?.of ?? id
    const order = { id, why: why ?? null, by: by ?? null, ...(command === undefined ? {} : { command }) }
    return this.#host.wire.askHolder(owner, directiveOf(of), 'unpark', order, requestDeadlineMs)
  }

  /** The figures are told even when nobody says how long the daemons have been silent: then that is not known. */
  async #figures(owner: string): Promise<OwnerFigures> {
    const figures = await this.#reader.figures(owner)
    const daemons = figures.daemonLines.map(({ name }) => name)
    const silences = await this.#silences(owner, daemons)
    const daemonLines = figures.daemonLines.map((line) => ({ ...line, silentMs: silences[line.name] ?? null }))
    return { ...figures, daemonLines }
  }

  async #silences(owner: string, daemons: readonly string[]): Promise<Silences['silentMs']> {
    if (daemons.length === 0) return {}
    try {
      const answer = await this.#host.wire.askHolder(owner, registryId, 'silences', { daemons }, silencesDeadlineMs)
      return (answer as Silences).silentMs
    } catch (error) {
      if (!(error instanceof WritError)) throw error
      this.#host.log.info(
        { err: error, owner },
        'the holder of the registry does not say how long daemons have been silent',
      )
      return {}
    }
  }

  /** A plan that comes along is checked and staged first, so that nothing half-made is left when it has faults. */
  async #create(owner: string, input: z.output<typeof createDirective>): Promise<object> {
    const { id, command, plan, ...definition } = input
    const chosen = chosenId('the directive id', id ?? this.#freshId(command))
    const staged = plan === undefined || plan === null ? null : await this.#stage(definition, plan)
    const content = contentHash({ definition, plan: staged?.hash ?? null })
    const create: Create & { command?: string } = {
      definition,
      content,
      plan: staged,
      ...(command === undefined ? {} : { command }),
    }
    return this.#host.wire.askHolder(owner, chosen, 'create', create, requestDeadlineMs)
  }

  /** The same command makes the same directive: it may come to another node the second time. */
  #freshId(command: string | undefined): string {
    return command === undefined ? `d-${this.#host.random.token(12)}` : `d-${contentHash(command).slice(0, 12)}`
  }

  async #stage({ evaluate }: Definition, plan: unknown): Promise<{ hash: string; steps: number }> {
    const parsed = parsePlan(plan, { evaluate })
    if ('faults' in parsed)
      throw new WritError(
        'BAD_PLAN',
        `the plan has ${parsed.faults.length} ${parsed.faults.length === 1 ? 'fault' : 'faults'}`,
        { faults: parsed.faults },
      )
    const rows = planRows(parsed.plan)
    const hash = contentHash(rows)
    await this.#host.store.stage(hash, rows)
    return { hash, steps: rows.length }
  }
}
