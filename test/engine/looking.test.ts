/** Looking into one actor over the wire: its snapshot, its journal, what it takes next, and what then really happens. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeApi } from '../../src/cli/node-api.ts'
import { runCli } from '../../src/cli/program.ts'
import { type RunningObserver, startObserver } from '../../src/observer-of.ts'
import { addressOf, shardOf, stepId } from '../../src/protocol/ids.ts'
import type { JournalLine, PastDirective } from '../../src/protocol/looking.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { DirectiveView } from '../../src/protocol/views.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import type { FakeDaemon } from '../support/fake-daemon.ts'
import { chainOf, planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
let observer: RunningObserver
beforeAll(async () => {
  test = await startTestEngine()
  const { databaseUrl, natsUrl, log } = test
  observer = await startObserver({ databaseUrl, nats: { url: natsUrl }, node: 'test', log: (line) => log.push(line) })
})
afterAll(async () => {
  await observer.stop()
  await test.stop()
})

const journalOf = async (world: World, id: string, span: object = {}): Promise<JournalLine[]> => {
  const lines: JournalLine[] = []
  let after: string | undefined
  do {
    const page = await world.client.actor(id).journal({ ...span, ...(after === undefined ? {} : { after }) })
    lines.push(...page.lines)
    after = page.next ?? undefined
  } while (after !== undefined)
  return lines
}

/** A daemon that takes its tasks and says nothing by itself. */
const silent = (world: World): Promise<FakeDaemon> => world.daemon('d1', { work: () => null })

describe('an actor', () => {
  it('is shown as its snapshot is, without secrets, with its timers and what it waits for', async () => {
    const world = await test.world()
    const daemon = await silent(world)
    await world.start({ id: 'shown', plan: planOf({ a: [] }) })
    const spawn = await daemon.spawned('worker a')
    const id = stepId('shown', 1, 0)
    const view = await world.client.actor(id).get()
    expect(view).toMatchObject({
      id,
      address: addressOf(world.owner, id),
      kind: 'step',
      status: 'running',
      waiting: expect.stringContaining('attempt 1'),
      parked: null,
      mailbox: 0,
      timers: [{ id: expect.stringMatching(/^xstate\.after\.total\./) }],
    })
    const [row] = await test.sql`select due from writ.timers where key = ${`${world.owner}/${id}`}`
    expect(Date.parse(view.timers[0]?.due ?? '')).toBe(Number(row?.['due']))
    expect(JSON.stringify(view)).not.toContain(spawn.task.nonce)
    expect(view.context).toMatchObject({ task: { attempt: 1, nonce: '[redacted]' } })
  })

  it('is asked by whoever knows its address, and one that is not there is not found', async () => {
    const world = await test.world()
    await silent(world)
    const registry = await world.client.actor('__registry').get()
    expect(registry).toMatchObject({ kind: 'registry', machine: 'registry', waiting: null })
    expect(await refusal(world.client.actor('nobody').get())).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(world.client.actor('nobody').next())).toMatchObject({ code: 'NOT_FOUND' })
    const wrong = `${(shardOf(world.owner, 'first') + 1) % 256}.first`
    expect(await refusal(world.client.actor(wrong).get())).toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('a journal', () => {
  it('tells message for message what came, from whom and what that changed, in whatever pages', async () => {
    const world = await test.world()
    await world.daemon('d1')
    await world.start({ id: 'told', plan: planOf({ a: [] }) })
    await world.until('told', 'directive_completed')
    const id = stepId('told', 1, 0)
    const lines = await journalOf(world, id)
    expect(lines[0]).toMatchObject({ version: 1, entry: 0, type: 'xstate.init', from: 'begin', before: null })
    expect(lines.filter(({ from }) => from === 'told').map(({ type }) => type)).toContain('dispatch')
    for (const [at, line] of lines.slice(1).entries()) expect(line.before).toEqual(lines[at]?.after)
    const { status, state, version } = await world.client.actor(id).get()
    expect([lines.at(-1)?.after, lines.at(-1)?.version]).toEqual([{ status, state }, version])
    expect(lines.find(({ type }) => type === 'dispatch')?.changes).toContainEqual({
      path: 'context.worked',
      before: false,
      after: true,
    })
    expect(await journalOf(world, id, { limit: 2 })).toEqual(lines)
    const last = lines.at(-1)?.version ?? 0
    expect(await journalOf(world, id, { fromVersion: last })).toEqual(lines.filter((line) => line.version === last))
  })

  it('gives every state that was: by version, by time, and what differs between two', async () => {
    const world = await test.world()
    await world.daemon('d1')
    await world.start({ id: 'was', plan: planOf({ a: [] }) })
    await world.until('was', 'directive_completed')
    const lines = await journalOf(world, 'was')
    for (const version of new Set(lines.map((line) => line.version))) {
      const then = await world.client.actor('was').get({ at: version })
      expect({ status: then.status, state: then.state }).toEqual(
        lines.findLast((line) => line.version === version)?.after,
      )
    }
    const [first] = lines
    const then = await world.client.actor('was').get({ at: first?.time ?? '' })
    expect(then.version).toBe(lines.findLast(({ time }) => time === first?.time)?.version)
    const { version } = await world.client.actor('was').get()
    const diff = await world.client.actor('was').diff({ from: 1, to: version })
    expect(diff.changes).toContainEqual({ path: 'status', before: 'draft', after: 'completed' })
    expect(await refusal(world.client.actor('was').get({ at: '2020-01-01T00:00:00Z' }))).toMatchObject({
      code: 'NOT_FOUND',
    })
    const never = { code: 'NOT_FOUND', message: `was has no version ${version + 1} yet` }
    expect(await refusal(world.client.actor('was').get({ at: version + 1 }))).toMatchObject(never)
    expect(await refusal(world.client.actor('was').diff({ from: 1, to: version + 1 }))).toMatchObject(never)
    expect(await refusal(world.client.actor('was').past({ at: version + 1 }))).toMatchObject(never)
  })
})

describe('trying', () => {
  it('refuses what is no message, and fills in what a message leaves out', async () => {
    const world = await test.world()
    const daemon = await silent(world)
    await world.start({ id: 'tried', plan: planOf({ a: [] }) })
    await daemon.spawned('worker a')
    const at = world.client.actor(stepId('tried', 1, 0))
    const before = await at.get()
    const trial = await at.try({ message: { type: 'task.done' } })
    expect(trial).toMatchObject({ outcome: 'taken', after: { status: 'evaluating' }, message: { attempt: 1 } })
    const copied = await at.try({ message: trial.message as { type: string } })
    expect(copied.outcome).toBe('taken')
    expect(await at.try({ message: { type: 'task.done', attempt: 7 } })).toMatchObject({
      outcome: 'nothing',
      heldBack: [{ guard: 'isOpen', needs: 'it comes from the open attempt, 1, with its nonce' }],
    })
    expect(await at.try({ timer: 'total' })).toMatchObject({ outcome: 'taken', timer: before.timers[0]?.id })
    for (const wrong of [
      { message: { type: 'xstate.init' } },
      { message: { type: 'no.such' } },
      { timer: 'backoff' },
      {},
      { message: { type: 'command', verb: 'reject' }, timer: 'total' },
    ])
      expect(await refusal(at.try(wrong))).toMatchObject({ code: 'BAD_INPUT' })
    await world.start({ id: 'planning' })
    expect(await refusal(world.client.actor('planning').try({ message: { type: 'plan', plan: 5 } }))).toMatchObject({
      code: 'BAD_INPUT',
      message: 'the machine cannot read this plan',
    })
    expect((await at.get()).version).toBe(before.version)
  })
})

const wholePast = async (world: World, id: string, at: number | string): Promise<PastDirective> => {
  const look = world.client.actor(id)
  let past = await look.past({ at })
  while (past.nextStep !== null) {
    const page = await look.past({ at, from: past.nextStep })
    past = { ...past, nextStep: page.nextStep, stepList: [...past.stepList, ...page.stepList] }
  }
  return past
}

const standing = ({ status, steps, passed, stepList }: PastDirective | DirectiveView) => ({
  status,
  steps,
  passed,
  stepList: stepList.map((step) => [step.name, step.status, step.attempt, step.round, step.dependsOn]),
})

describe('a directive as it was', () => {
  it('has the steps that it had, by version and by time, also once it has ended', async () => {
    const world = await test.world()
    const daemon = await silent(world)
    const seen: { version: number; time: string; view: DirectiveView }[] = []
    const note = async (): Promise<void> => {
      const view = await world.view('past')
      const actors = ['past', ...view.stepList.filter(({ attempt }) => attempt > 0).map(({ id }) => id)]
      const journals = await Promise.all(actors.map((id) => journalOf(world, id)))
      const time =
        journals
          .map((lines) => lines.at(-1)?.time ?? '')
          .toSorted()
          .at(-1) ?? ''
      seen.push({ version: (await world.client.actor('past').get()).version, time, view })
    }
    await world.create({ id: 'past', plan: planOf({ a: [], b: ['a'], c: ['b'] }), evaluate: false })
    await note()
    await world.client.directive('past').start()
    const a = await daemon.spawned('worker a')
    await note()
    await daemon.done(a)
    await daemon.spawned('worker b')
    await note()
    await world.client.directive('past').cancel()
    await daemon.ordered('cancel')
    await world.until('past', 'directive_cancelled')
    await note()
    for (const { time, view } of seen) expect(standing(await wholePast(world, 'past', time))).toEqual(standing(view))
    expect(new Set(seen.map(({ version }) => version)).size).toBe(seen.length)
    for (const { version, view } of seen) {
      const { status, passed, steps } = await wholePast(world, 'past', version)
      expect({ status, passed, steps }).toEqual({ status: view.status, passed: view.passed, steps: view.steps })
    }
    // Step b was told to begin after the directive had taken that version, in the same commit.
    const third = await wholePast(world, 'past', seen[2]?.version ?? 0)
    expect(third.stepList.map(({ status }) => status)).toEqual(['passed', 'pending', 'pending'])
    const last = await wholePast(world, 'past', seen.at(-1)?.version ?? 0)
    expect(standing(last)).toEqual(standing(await world.view('past')))
    expect(last.counts).toEqual({ passed: 1, cancelled: 1, skipped: 1 })
    expect(await refusal(world.client.actor('past').past({ at: '2020-01-01T00:00:00Z' }))).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect(await refusal(world.client.actor(stepId('past', 1, 0)).past({ at: 1 }))).toMatchObject({ code: 'BAD_INPUT' })
  })

  it('comes in pages when it has many steps', async () => {
    const world = await test.world()
    await world.start({ id: 'large', plan: chainOf(230), evaluate: false })
    await world.until('large', 'directive_active')
    const { version } = await world.client.actor('large').get()
    const first = await world.client.actor('large').past({ at: version })
    expect([first.stepList.length, first.nextStep]).toEqual([200, 200])
    expect((await wholePast(world, 'large', version)).stepList.map(({ index }) => index)).toEqual([
      ...Array(230).keys(),
    ])
  })
})

/** The command, in the name of the world's owner; what it prints. */
const writ = async ({ bus, owner, client }: World, ...args: string[]): Promise<{ code: number; out: string }> => {
  let out = ''
  const code = await runCli(args, {
    env: { NO_COLOR: '1', XDG_CONFIG_HOME: '/nowhere' },
    cwd: process.cwd(),
    out: { write: (data) => (out += typeof data === 'string' ? data : new TextDecoder().decode(data)) },
    err: { write: () => undefined },
    interactive: false,
    now: () => Date.now(),
    reach: async () => ({ bus, owner, api: nodeApi(client), close: async () => undefined }),
  })
  return { code, out }
}

describe('the command', () => {
  it('follows a journal to the end of its directive: every message once', async () => {
    const world = await test.world()
    const id = await world.create({ id: 'followed', plan: planOf({ a: [] }) })
    const following = writ(world, 'actor', 'journal', id, '--follow', '--json')
    await world.daemon('d1')
    await world.client.directive(id).start()
    await world.until(id, 'directive_completed')
    const { code, out } = await following
    const printed = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JournalLine)
    expect([code, printed]).toEqual([0, await journalOf(world, id)])
  })

  it('names actors as people do, and shows a directive as it was', async () => {
    const world = await test.world()
    await silent(world)
    await world.start({ id: 'shown', plan: planOf({ a: [] }) })
    for (const name of ['shown/a', 'shown__1_0', addressOf(world.owner, 'shown__1_0'), 'shown__1_0__t1']) {
      const { code, out } = await writ(world, 'actor', 'show', name)
      expect([code, out]).toEqual([0, expect.stringContaining('id\tshown__1_0\n')])
    }
    expect((await writ(world, 'actor', 'next', 'registry')).out).toContain('taken\t')
    expect((await writ(world, 'directive', 'show', 'shown', '--at', '1')).out).toContain('status\tdraft\n')
    expect((await writ(world, 'actor', 'show', 'shown', '--at', '3000d')).code).toBe(4)
  })
})

/** One thing that a person or a daemon does: the message that it is to an actor, and the doing of it. */
interface Act {
  id: string
  message: { type: string } & Record<string, unknown>
  really: () => Promise<unknown>
}

const verbs = ['start', 'pause', 'resume', 'cancel', 'retry'] as const
const steering = ['evaluate', 'approve', 'reject', 'retry', 'cancel'] as const
type Drawn =
  | { of: 'directive'; verb: (typeof verbs)[number] }
  | { of: 'step'; verb: (typeof steering)[number]; index: number }
  | { of: 'task'; outcome: 'done' | 'failed'; force: boolean; passed: boolean }
  | { of: 'daemon'; outcome: 'done' | 'failed'; means: boolean; passed: boolean }
const acts: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ of: fc.constant('directive'), verb: fc.constantFrom(...verbs) }) },
  {
    weight: 3,
    arbitrary: fc.record({ of: fc.constant('step'), verb: fc.constantFrom(...steering), index: fc.nat(2) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      of: fc.constant('task'),
      outcome: fc.constantFrom('done', 'done', 'failed'),
      force: fc.boolean(),
      passed: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      of: fc.constant('daemon'),
      outcome: fc.constantFrom('done', 'done', 'failed'),
      means: fc.boolean(),
      passed: fc.boolean(),
    }),
  },
)
const plans = fc.record({
  plan: fc.constant(planOf({ a: [], b: ['a'], c: [] }, { c: { requires_approval: true } })),
  evaluate: fc.boolean(),
  maxRework: fc.nat(1),
  autonomy: fc.constantFrom('full', 'guarded', 'manual'),
})
const games = fc.record({ input: plans, drawn: fc.array(acts, { minLength: 10, maxLength: 14 }) })

const verdictOf = (passed: boolean) => ({
  passed,
  overallScore: passed ? 1 : 0,
  confidenceLevel: null,
  criteriaResults: null,
  summaryFeedback: 'as it is',
  reworkInstructions: passed ? null : 'again',
  steps: [],
})

class Game {
  readonly world: World
  readonly id: string
  readonly #daemon: FakeDaemon
  readonly #reported = new Set<Spawn>()
  readonly said: object[] = []
  readonly happened: object[] = []
  readonly outcomes = new Set<string>()

  constructor(world: World, daemon: FakeDaemon, id: string) {
    this.world = world
    this.#daemon = daemon
    this.id = id
  }

  /** Null: there is nothing to do it to. */
  async act(drawn: Drawn): Promise<Act | null> {
    const { world, id } = this
    const { client } = world
    switch (drawn.of) {
      case 'directive':
        return { id, message: { type: drawn.verb }, really: () => client.directive(id)[drawn.verb]() }
      case 'step':
        return this.#steer(drawn.verb, drawn.index)
      case 'task': {
        const [task] = (await client.listTasks({ state: 'open' })).lines.filter(({ directive }) => directive === id)
        if (task === undefined) return null
        const [, actor = '', number] = /^(.+)__t(\d+)$/.exec(task.id) ?? []
        const { outcome, force, passed } = drawn
        const end = { outcome, force, reason: 'by hand' }
        const judges = task.role === 'evaluator'
        const reading = judges ? { verdict: { verdict: verdictOf(passed), rework: [] } } : {}
        return {
          id: actor,
          message: { type: 'task.end', number: Number(number), ...end, result: null, manual: false, ...reading },
          really: () => client.task(task.id).end({ ...end, ...(judges ? { verdict: verdictOf(passed) } : {}) }),
        }
      }
      case 'daemon':
        return this.#report(drawn)
    }
  }

  #steer(verb: (typeof steering)[number], index: number): Act {
    const step = this.world.client.step(stepId(this.id, 1, index))
    const text = verb === 'reject' ? { text: 'otherwise' } : {}
    const covers = verb === 'retry' ? { covers: index === 0 ? [0, 1] : [index] } : {}
    return {
      id: this.id,
      message: { type: 'step.command', verb, index, ...text, ...covers },
      really: () => (verb === 'reject' ? step.reject({ text: 'otherwise' }) : step[verb]()),
    }
  }

  async #report({ outcome, means, passed }: Extract<Drawn, { of: 'daemon' }>): Promise<Act | null> {
    const spawn = this.#daemon.spawns.find((each) => each.directive.id === this.id && !this.#reported.has(each))
    if (spawn === undefined) return null
    this.#reported.add(spawn)
    const { id, attempt, nonce, role } = spawn.task
    const stamp = { attempt, nonce }
    const actor = id.replace(/__t\d+$/, '')
    if (outcome === 'failed')
      return {
        id: actor,
        message: { type: 'task.failed', ...stamp, reason: 'it failed', means },
        really: () => this.#daemon.failed(spawn, 'it failed', means),
      }
    const reading = role === 'evaluator' ? { verdict: { verdict: verdictOf(passed), rework: [] } } : {}
    return {
      id: actor,
      message: { type: 'task.done', ...stamp, result: null, commit: null, ...reading },
      really: () => this.#daemon.done(spawn, role === 'evaluator' ? { verdict: verdictOf(passed) } : {}),
    }
  }

  /** Tries it, does it, and holds what was said against the journal. */
  async play(drawn: Drawn): Promise<void> {
    const act = await this.act(drawn)
    if (act === null) return
    const actor = this.world.client.actor(act.id)
    const { events } = await this.world.view(this.id)
    const trial = await actor.try({ message: act.message })
    const next = await actor.next({ type: act.message.type })
    const error = await act.really().then(
      () => null,
      (failed: unknown) => failed as { message: string },
    )
    const lines = await journalOf(this.world, act.id, { fromVersion: trial.version + 1 })
    const line = lines.find(({ type }) => type === act.message.type)
    if (line !== undefined && JSON.stringify(line.before) !== JSON.stringify(trial.before)) return
    if (line === undefined && lines.length > 0) return
    const unanswered = next.unanswered.includes(act.message.type) ? ['nothing'] : []
    const { events: written } = await this.world.client.directive(this.id).events({ after: events })
    const types = new Set(written.map(({ type }) => `writes the event ${type}`))
    const promised = trial.asks.filter((text) => text.startsWith('writes the event '))
    this.outcomes.add(trial.outcome)
    this.said.push({
      message: act.message,
      after: trial.after,
      changes: plain(trial.changes),
      refused: trial.refusal?.message ?? null,
      events: promised,
      listed: true,
    })
    this.happened.push({
      message: act.message,
      after: line?.after ?? trial.before,
      changes: plain(line?.changes ?? []),
      // A step that its directive told may refuse as well.
      refused: trial.outcome === 'refused' ? (error?.message ?? null) : null,
      events: promised.filter((text) => types.has(text)),
      listed: [...next.messages.map(({ outcome }) => outcome), ...unanswered].includes(trial.outcome),
    })
  }
}

/** Without times, which differ. */
const plain = (changes: JournalLine['changes']): string => JSON.stringify(changes).replaceAll(/\b1\d{12}\b/g, 'then')

describe('what is said before', () => {
  it('is what then happens, whatever people and daemons do: state, changes, events and refusals', async () => {
    const sample = fc.sample(games, { seed: 7, numRuns: 6 })
    const played = await Promise.all(
      sample.map(async ({ input, drawn }) => {
        const world = await test.world()
        const daemon = await silent(world)
        const id = await world.start(input)
        const game = new Game(world, daemon, id)
        for (const each of drawn) await game.play(each)
        return game
      }),
    )
    for (const { said, happened } of played) expect(happened).toEqual(said)
    expect(played.flatMap(({ said }) => said).length).toBeGreaterThan(30)
    const outcomes = new Set(played.flatMap((game) => [...game.outcomes]))
    expect([...outcomes].toSorted()).toEqual(['nothing', 'refused', 'taken'])
  }, 120_000)
})
