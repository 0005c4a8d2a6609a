/** Turns what came in over the wire into units, or into an answer at once where nothing is decided. */
import type { z } from 'zod'
import {
  type contractCommands,
  type directiveCommands,
  pageCountMax,
  type stepCommands,
  type taskCommands,
} from '../protocol/commands.ts'
import { WritError } from '../protocol/errors.ts'
import type { Silences, silencesQuery } from '../protocol/figures.ts'
import { fitting, jsonBytes, shortened } from '../protocol/fitting.ts'
import { actorKey, registryId } from '../protocol/ids.ts'
import { answerBytesMax } from '../protocol/limits.ts'
import type { Unpark } from '../protocol/parked.ts'
import { type DirectiveView, isUnderWay, type StepLine } from '../protocol/views.ts'
import type { Report } from '../protocol/task.ts'
import {
  completeContract,
  type Create,
  createDirective,
  endTask,
  mend,
  once,
  submitPlan,
  tellDirective,
} from './commands.ts'
import { evaluateStep, steerStep } from './step-commands.ts'
import { putFile, readFile, takeChunk, type Uploads } from './files.ts'
import type { Host } from './host.ts'
import { readOutput } from './outputs.ts'
import type { Reader } from './ports/reader.ts'
import type { Asked } from './ports/wire.ts'
import { openRegistry } from './registrar.ts'
import { missing, removeDirective } from './removal.ts'
import { takeReport } from './reports.ts'
import { hasRoom, noRoom } from './room.ts'
import { type Unit, unitOf } from './unit.ts'
import { unpark } from './unparking.ts'
import type { Watch } from './watch.ts'

export interface InboxParts {
  host: Host
  reader: Reader
  watch: Watch
  push: (unit: Unit) => void
  depth: () => number
  isHeld: (shard: number) => boolean
  /** Looks into the mailboxes of a shard soon. */
  look: (shard: number) => void
}

type Input<T extends Record<string, z.ZodType>, V extends keyof T> = z.output<T[V]>
type DirectiveInput<V extends keyof typeof directiveCommands> = Input<typeof directiveCommands, V>

export class Inbox {
  readonly #parts: InboxParts
  readonly #uploads: Uploads = new Map()
  /** Requests that are looked at outside of the loop: reads, and files on their way in. */
  #outside = 0

  constructor(parts: InboxParts) {
    this.#parts = parts
  }

  /** Everything that carries a shard in its address. */
  take(asked: Asked): void {
    if (asked.noun === 'mail') return this.#parts.look(asked.shard ?? 0)
    if (!hasRoom(this.#parts.depth() + this.#outside)) return asked.fail(noRoom())
    this.#outside++
    void this.#takeOf(asked)
      .catch((error: unknown) => asked.fail(error))
      .finally(() => this.#outside--)
  }

  async #takeOf(asked: Asked): Promise<void> {
    switch (asked.noun) {
      case 'directive':
        return this.#directive(asked)
      case 'step':
        return this.#step(asked)
      case 'task':
        return this.#task(asked)
      case 'contract':
        return this.#contract(asked)
      case 'report':
        return this.#report(asked)
      default:
        throw new WritError('BAD_INPUT', `nothing here answers ${asked.noun}.${asked.verb}`)
    }
  }

  async #found<T extends object>(owner: string, value: T | null, what: string, id: string): Promise<T> {
    if (value !== null) return value
    throw await missing(this.#parts.host.store, what, actorKey(owner, id))
  }

  /** A command: decided in the turn, answered after the commit. */
  #unit(asked: Asked, run: Unit['run'], more: Partial<Unit> = {}): void {
    const { owner, noun, verb, id } = asked
    const { command } = asked.body as { command?: string }
    const asker = asked.wantsReply ? { reply: asked.reply, fail: asked.fail } : null
    const unit = unitOf(
      asked.shard ?? 0,
      `${noun} ${verb} ${id}`,
      (turn) => once(turn, owner, command, () => run(turn)),
      { asker, ...more },
    )
    this.#parts.push(unit)
  }

  async #directive(asked: Asked): Promise<void> {
    const { owner, id, verb, body } = asked
    const { reader } = this.#parts
    switch (verb) {
      case 'create':
        return this.#unit(asked, (turn) => createDirective(turn, owner, id, body as Create))
      case 'open':
        if (id !== registryId) throw new WritError('NOT_FOUND', `${id} is no registry`)
        return this.#unit(asked, (turn) => openRegistry(turn, owner))
      case 'silences':
        // What this thread remembers of daemons is of the time when it held the shard.
        if (!this.#parts.isHeld(asked.shard ?? 0)) throw notHeld()
        return asked.reply(silencesOf(this.#parts.host, owner, (body as z.output<typeof silencesQuery>).daemons))
      case 'start':
      case 'pause':
      case 'resume':
      case 'cancel':
      case 'retry':
        return this.#unit(asked, (turn) => tellDirective(turn, owner, id, { type: verb }))
      case 'delete':
        return this.#unit(asked, (turn) => removeDirective(turn, owner, id))
      case 'mend':
        return this.#unit(asked, (turn) => mend(turn, owner, id))
      case 'unpark':
        return this.#unit(asked, (turn) => unpark(turn, owner, body as Unpark))
      case 'plan':
        return this.#unit(asked, (turn) => submitPlan(turn, owner, id, (body as DirectiveInput<'plan'>).plan))
      case 'evaluate':
        return this.#unit(asked, (turn) => evaluateStep(turn, owner, id, (body as DirectiveInput<'evaluate'>).step))
      case 'get':
        return asked.reply(firstPageOf(await this.#found(owner, await reader.directive(owner, id), 'directive', id)))
      case 'steps': {
        const view = await this.#found(owner, await reader.directive(owner, id), 'directive', id)
        return asked.reply(pageOf(view.stepList, body as DirectiveInput<'steps'>))
      }
      case 'events': {
        const { after, limit } = body as DirectiveInput<'events'>
        const { lines, next } = await this.#found(owner, await reader.events(owner, id, after, limit), 'directive', id)
        return asked.reply({ events: lines, next })
      }
      default:
        throw unknownVerb(asked)
    }
  }

  async #step(asked: Asked): Promise<void> {
    const { owner, id, verb, body } = asked
    switch (verb) {
      case 'evaluate':
      case 'approve':
      case 'retry':
      case 'cancel':
        return this.#unit(asked, (turn) => steerStep(turn, owner, id, verb, ''))
      case 'reject':
        return this.#unit(asked, (turn) =>
          steerStep(turn, owner, id, verb, (body as Input<typeof stepCommands, 'reject'>).text),
        )
      case 'get':
        return asked.reply(shortened(await this.#found(owner, await this.#parts.reader.step(owner, id), 'step', id)))
      default:
        throw unknownVerb(asked)
    }
  }

  async #task(asked: Asked): Promise<void> {
    const { owner, id, verb, body } = asked
    switch (verb) {
      case 'end':
        return this.#unit(asked, (turn) => endTask(turn, owner, id, body as Input<typeof taskCommands, 'end'>))
      case 'get':
        return asked.reply(shortened(await this.#found(owner, await this.#parts.reader.task(owner, id), 'task', id)))
      case 'output': {
        const { host, reader } = this.#parts
        return asked.reply(await readOutput(host, reader, owner, id, body as Input<typeof taskCommands, 'output'>))
      }
      case 'done':
      case 'failed':
        return this.#unit(asked, (turn) => endTask(turn, owner, id, { outcome: verb, ...(body as object) }))
      default:
        throw unknownVerb(asked)
    }
  }

  async #contract(asked: Asked): Promise<void> {
    const { owner, id, verb, body } = asked
    const { host, reader } = this.#parts
    switch (verb) {
      case 'files':
        return asked.reply({ files: await this.#found(owner, await reader.files(owner, id), 'contract', id) })
      case 'file': {
        const { name, offset } = body as Input<typeof contractCommands, 'file'>
        const files = await this.#found(owner, await reader.files(owner, id), 'contract', id)
        return asked.reply(await readFile(host, id, files, name, offset))
      }
      case 'put': {
        const chunk = body as Input<typeof contractCommands, 'put'>
        if (chunk.offset === 0) await this.#found(owner, await reader.files(owner, id), 'contract', id)
        const file = await takeChunk(host, this.#uploads, `${owner}/${id}`, chunk)
        if (file === null) return asked.reply({ received: chunk.offset })
        return this.#unit(asked, (turn) => putFile(turn, owner, id, chunk.name, file))
      }
      case 'finish':
      case 'complete':
        return this.#unit(asked, (turn) => completeContract(turn, owner, id))
      default:
        throw unknownVerb(asked)
    }
  }

  /** Progress is only noted: it is about liveness, and changes nothing that is stored. What does not count is over. */
  async #report(asked: Asked): Promise<void> {
    const { owner, id, verb, body, daemon } = asked
    if (daemon === null) throw unknownVerb(asked)
    if (verb === 'progress' || verb === 'accepted') {
      const report = body as Report['accepted']
      const { watch, isHeld } = this.#parts
      if (!isHeld(asked.shard ?? 0)) throw notHeld()
      const counted = watch.heard(actorKey(owner, id), daemon, report, verb)
      return asked.reply({ received: true, counted })
    }
    if (verb !== 'done' && verb !== 'failed') throw unknownVerb(asked)
    const report = body as Report['done'] & Report['failed']
    this.#unit(asked, (turn) => takeReport(turn, owner, id, daemon, verb, report), { ofAttempt: true })
  }
}

/** What the beats say is in the memory of this thread alone: it holds the owner's registry. */
const silencesOf = ({ presence, clock }: Host, owner: string, daemons: readonly string[]): Silences => {
  const now = clock.monotonic()
  const heard = daemons.flatMap((name) => {
    const seenAt = presence.get(`${owner}/${name}`)?.seenAt
    return seenAt === undefined ? [] : [[name, Math.max(0, Math.round(now - seenAt))] as const]
  })
  return { silentMs: Object.fromEntries(heard) }
}

/** The steps of a large plan would not go into one message. */
const pageOf = (
  steps: readonly StepLine[],
  { from, limit, underWay }: DirectiveInput<'steps'>,
): Pick<DirectiveView, 'stepList' | 'nextStep'> => {
  const wanted = steps.filter((step) => step.index >= from && (!underWay || isUnderWay(step)))
  const stepList = fitting(wanted.slice(0, limit).map((line) => shortened(line)))
  return { stepList, nextStep: wanted[stepList.length]?.index ?? null }
}

/** With as many steps as there is room for beside the rest, maybe none. */
const firstPageOf = (view: DirectiveView): DirectiveView => {
  const rest = shortened({ ...view, stepList: [] })
  const room = answerBytesMax - jsonBytes(rest)
  const stepList = fitting(view.stepList.slice(0, pageCountMax), { room, least: 0 })
  return { ...rest, stepList, nextStep: stepList.length < view.stepList.length ? stepList.length : null }
}

const notHeld = (): WritError => new WritError('NOT_HOLDER', 'this thread does not hold the shard any more')

const unknownVerb = ({ noun, verb }: Asked): WritError =>
  new WritError('BAD_INPUT', `${noun} has no verb ${JSON.stringify(verb)}`)
