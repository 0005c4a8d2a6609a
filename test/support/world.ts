/** What one test does in the name of an owner of its own: directives, fake daemons, and the events that came of them. */
import { randomBytes } from 'node:crypto'
import { WritClient } from '../../src/bus/client.ts'
import type { NatsBus } from '../../src/bus/nats-bus.ts'
import { decode } from '../../src/bus/json.ts'
import { subjects } from '../../src/bus/subjects.ts'
import type { CreateDirective, EventLine } from '../../src/protocol/commands.ts'
import { contractId, stepId, taskId } from '../../src/protocol/ids.ts'
import type { DirectiveView, StepView, TaskView } from '../../src/protocol/views.ts'
import { type FakeDaemon, type FakeDaemonOptions, startFakeDaemon } from './fake-daemon.ts'
import { Waiting } from './waiting.ts'

/** A plan by its shape, `{a: [], b: ['a']}`: names, and what each waits for; `more` adds to steps. */
export const planOf = (shape: Record<string, string[]>, more: Record<string, object> = {}): { steps: object[] } => ({
  steps: Object.entries(shape).map(([name, dependsOn]) => ({
    name,
    description: `Makes ${name}.`,
    task_plan: `Make ${name}, and nothing else.`,
    depends_on: dependsOn,
    ...more[name],
  })),
})

/** A chain of so many steps, s0, s1, … */
export const chainOf = (count: number): { steps: object[] } =>
  planOf(Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, at === 0 ? [] : [`s${at - 1}`]])))

export class World {
  readonly owner: string
  readonly client: WritClient
  readonly bus: NatsBus
  readonly daemons: FakeDaemon[] = []
  readonly #log: string[]
  readonly #events = new Map<string, EventLine[]>()
  readonly #waiting = new Waiting()
  #listening: { drain: () => Promise<void> } | null = null
  #made = 0

  constructor(bus: NatsBus, log: string[], owner = `o${randomBytes(5).toString('hex')}`) {
    this.owner = owner
    this.bus = bus
    this.#log = log
    this.client = new WritClient(bus, this.owner)
  }

  /** Listens for events, and makes the owner's registry with its first directive. */
  async open(): Promise<void> {
    this.#listening = this.bus.subscribe(subjects.event.pattern({ owner: this.owner }), {}, ({ body }) => {
      const line = decode(body) as EventLine
      this.#events.set(line.directive, [...(this.#events.get(line.directive) ?? []), line])
      this.#waiting.look()
    })
    await this.create({ id: 'first', title: 'first' })
  }

  async close(): Promise<void> {
    await this.#listening?.drain()
    await Promise.all(this.daemons.map((daemon) => daemon.fallSilent()))
  }

  async daemon(name: string, options: FakeDaemonOptions = {}): Promise<FakeDaemon> {
    const daemon = await startFakeDaemon(this.bus, this.owner, name, options)
    this.daemons.push(daemon)
    return daemon
  }

  /** Makes a draft; its id. */
  async create(input: Partial<CreateDirective>): Promise<string> {
    const id = input.id ?? `d${++this.#made}`
    await this.client.createDirective({ id, title: `Title of ${id}`, goal: 'a goal', ...input })
    return id
  }

  /** Makes a directive and starts it; its id. */
  async start(input: Partial<CreateDirective>): Promise<string> {
    const id = await this.create(input)
    await this.client.directive(id).start()
    return id
  }

  /** Events of a directive so far, in their order. */
  events(directive: string): EventLine[] {
    return [...(this.#events.get(directive) ?? [])].sort((a, b) => a.number - b.number)
  }

  /** Their types; with a step's index, of that step alone. */
  types(directive: string, step?: number): string[] {
    const of = step === undefined ? null : `_${step}`
    return this.events(directive)
      .filter((event) => of === null || (event.step?.endsWith(of) ?? false))
      .map(({ type }) => type)
  }

  /** The n-th event of this type; with a step's index, of that step. */
  until(directive: string, type: string, { step, nth = 1 }: { step?: number; nth?: number } = {}): Promise<EventLine> {
    const such = (event: EventLine): boolean =>
      event.type === type && (step === undefined || (event.step?.endsWith(`_${step}`) ?? false))
    return this.#waiting.until(
      () => this.events(directive).filter(such)[nth - 1],
      () =>
        `${type} of ${directive}; there came ${this.types(directive).join(', ')}\n${this.#log.slice(-5).join('\n')}`,
    )
  }

  async view(directive: string): Promise<DirectiveView> {
    return (await this.client.directive(directive).get()) as DirectiveView
  }

  async step(directive: string, index: number, generation = 1): Promise<StepView> {
    return (await this.client.step(stepId(directive, generation, index)).get()) as StepView
  }

  async task(actor: string, number: number): Promise<TaskView> {
    return (await this.client.task(taskId(actor, number)).get()) as TaskView
  }

  /** Puts a small file into a contract: of a task, or of an actor by number. */
  async put(contract: string, name: string, text: string): Promise<void> {
    const bytes = Buffer.from(text)
    await this.client.contract(contract).put({ name, offset: 0, total: bytes.length, data: bytes.toString('base64') })
  }

  contractOf(actor: string, number: number): string {
    return contractId(actor, number)
  }
}

/** What a refused call says. */
export const refusal = (
  call: Promise<unknown>,
): Promise<{ code: string; message: string; hint?: string; faults?: string[] }> =>
  call.then(
    (answer) => Promise.reject(new Error(`was not refused: ${JSON.stringify(answer)}`)),
    (error: unknown) => error as { code: string; message: string },
  )
