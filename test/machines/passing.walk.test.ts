/**
 * A directive and two steps that tell each other whatever passing, merging and stopping takes, each pair in its order and each
 * message as late as luck has it: once all is heard, the directive counts what has passed, and no more, and its line has that.
 */
import { expect, it } from 'vitest'
import { hasEnded, isPaused, mayDispatch, openAttempt, phase, statusOf } from '../../src/machines/advance.ts'
import type { DirectiveContext } from '../../src/machines/directive-context.ts'
import type { Effect } from '../../src/machines/effect.ts'
import type { StepContext } from '../../src/machines/step-context.ts'
import { aDirective, aStep, reading, type Short, type TestActor } from './support.ts'

const seconds = 1000
const indexes = [0, 1] as const
const verbs = ['evaluate', 'evaluate', 'evaluate', 'reject', 'approve', 'retry', 'cancel'] as const
const started: Short = { type: 'start' }

/** Numbers from 0 to 1, the same ones for a seed. */
const luckOf = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** How likely each kind of move is in a walk: one of these, by luck. */
const rates = {
  hear: [0.2, 1.2, 4, 20],
  grant: [1, 3, 15, 15],
  report: [0.4, 2, 2, 10],
  command: [0, 0.08, 0.4, 1.2],
  cancel: [0, 0, 0.015, 0.15],
  pause: [0, 0, 0.01, 0.1],
  fail: [0, 0, 0, 0.05],
}
type Kind = keyof typeof rates
interface Move {
  rate: number
  go: () => void
}

const memoryOf = ({ live }: TestActor) => live.snapshot.context as object as StepContext
const told = (message: object): Short => message as Short

const walkOf = (seed: number) => {
  const luck = luckOf(seed)
  const anyOf = <T>(all: readonly T[]): T => all[Math.floor(luck() * all.length)] as T
  const rate = Object.fromEntries(Object.entries(rates).map(([kind, all]) => [kind, anyOf(all)])) as Record<
    Kind,
    number
  >
  const dependsOn = anyOf([[], [], [0]])
  const directive = aDirective({ hasChecks: luck() < 0.7 })
  const requiresApproval = luck() < 0.2
  const steps = new Map<number, TestActor>()
  const mail = new Map<string, Short[]>()
  /** What each line that was made has of each step. */
  const lines = new Map<string, Map<number, string>>([['l0', new Map()]])
  const bases = new Map<number, string>()
  const log: string[] = []
  let isCalm = false
  let made = 0

  const known = () => directive.live.snapshot.context as object as DirectiveContext
  const waiting = (pair: string): Short[] => mail.get(pair) ?? []
  const post = (from: string, to: string, message: Short): void => {
    mail.set(`${from} ${to}`, [...waiting(`${from} ${to}`), message])
  }
  const stepAt = (index: number): TestActor => {
    const settings = { index, name: `s${index}`, maxRework: 100, requiresApproval }
    const depends = { dependsOn: index === 1 ? dependsOn : [], hasDependents: index === 0 && dependsOn.length > 0 }
    const step = steps.get(index) ?? aStep({ ...settings, ...depends })
    steps.set(index, step)
    return step
  }
  const tell = (to: string, message: Short): void => {
    const actor = to === 'd' ? directive : stepAt(Number(to))
    const before = statusOf(actor.live)
    const { effects } = actor.tell(message)
    const { passed, owed, line } = known()
    log.push(`${to} ${JSON.stringify(message)}: ${before} -> ${statusOf(actor.live)}; ${passed} ${owed} ${line ?? ''}`)
    for (const effect of effects) follow(to, effect)
  }
  const follow = (from: string, effect: Effect): void => {
    if (effect.kind === 'tell') {
      const { to, message } = effect
      post(from, to === 'directive' ? 'd' : to === 'dependents' ? '1' : `${to.step}`, told(message))
    } else if (effect.kind === 'slice') {
      const those = effect.create ? indexes.filter((index) => index === 0 || dependsOn.length === 0) : [...steps.keys()]
      for (const index of those) post('d', `${index}`, told(effect.message))
      post('d', 'd', { type: 'slice.done', told: those.length, next: null })
    } else if (effect.kind === 'spawn' && from !== 'd') bases.set(Number(from), known().line ?? 'l0')
  }
  const merged = (index: number, { commit }: StepContext): Short => {
    const base = bases.get(index) ?? 'l0'
    const line = `l${++made}`
    lines.set(line, new Map([...(lines.get(base) ?? []), [index, commit ?? '']]))
    return { type: 'task.done', merge: { kind: 'merged', base, line } }
  }
  const judged = (passes: number, step: number[]): object =>
    isCalm || luck() < passes ? reading(true) : luck() < 0.2 ? { fault: 'no file' } : reading(false, {}, step)
  const reportOf = (to: string, actor: TestActor): Short => {
    const memory = memoryOf(actor)
    if (!isCalm && luck() < rate.fail) return { type: 'task.failed', reason: 'no', means: false }
    switch (memory.task?.purpose) {
      case 'plan':
        return { type: 'task.done', plan: { hash: 'h', steps: 2 } }
      case 'work':
        return { type: 'task.done', commit: luck() < 0.1 ? null : `c${++made}` }
      case 'prepare':
        return { type: 'task.done', merge: { kind: 'prepared', line: 'l0' } }
      case 'publish':
        return { type: 'task.done', merge: { kind: 'published', line: known().line } }
      case 'accept':
        return { type: 'task.done', verdict: judged(0.1, anyOf([[0], [1], [0, 1]])) }
      case 'evaluate':
        return { type: 'task.done', verdict: judged(0.7, []) }
      default:
        return merged(Number(to), memory)
    }
  }
  /**
   * A step answers a person in the same commit, and that it leaves passed for them is told in it too: so none is let through while
   * older words wait that either would overtake.
   */
  const command = (index: number, verb: (typeof verbs)[number]): void => {
    if (!steps.has(index) || waiting(`d ${index}`).length > 0) return
    const leavesPassed = ['evaluate', 'reject'].includes(verb) && statusOf(stepAt(index).live) === 'passed'
    if (leavesPassed && waiting(`${index} d`).length > 0) return
    tell('d', { type: 'step.command', index, verb, text: 'no', covers: [] })
    if (waiting(`d ${index}`)[0]?.type === 'command') hear(`d ${index}`)
    if (waiting(`${index} d`)[0]?.sentBack === false) hear(`${index} d`)
  }
  const hear = (pair: string): void => {
    const [first, ...rest] = waiting(pair)
    mail.set(pair, rest)
    if (first !== undefined) tell(pair.slice(2), first)
  }
  const tasks = (): Move[] =>
    [['d', directive] as const, ...[...steps].map(([index, step]) => [`${index}`, step] as const)].flatMap(
      ([to, actor]) => {
        const { task, manual } = memoryOf(actor)
        const may = to === 'd' || mayDispatch(directive.live) || (manual !== null && hasEnded(directive.live))
        if (openAttempt(actor.live) !== null) return [{ rate: rate.report, go: () => tell(to, reportOf(to, actor)) }]
        if (phase(actor.live) !== 'queued' || task === null || !may) return []
        return [{ rate: rate.grant, go: () => tell(to, { type: 'task.granted', grant: `g${++made}` }) }]
      },
    )
  const people = (): Move[] => {
    if (isCalm) return indexes.filter(isHeld).map((index) => ({ rate: 1, go: () => command(index, 'approve') }))
    const asked = indexes.flatMap((index) =>
      verbs.map((verb) => ({ rate: rate.command, go: () => command(index, verb) })),
    )
    const to = (type: string, often: number): Move => ({ rate: often, go: () => tell('d', { type }) })
    return [
      ...asked,
      to('cancel', rate.cancel),
      to('pause', rate.pause),
      to('resume', isPaused(directive.live) ? 0.4 : 0),
      to('retry', hasEnded(directive.live) ? 2 : 0),
    ]
  }
  const delays = new Map<string, number>()
  /** Some pairs are slower than others. */
  const speedOf = (pair: string): number => {
    const speed = delays.get(pair) ?? anyOf([0.1, 1, 1])
    delays.set(pair, speed)
    return rate.hear * speed
  }
  const isHeld = (index: number): boolean => steps.has(index) && statusOf(stepAt(index).live) === 'held'
  const move = (): boolean => {
    const heard = [...mail].flatMap(([pair, all]) =>
      all.length > 0 ? [{ rate: speedOf(pair), go: () => hear(pair) }] : [],
    )
    const moves = [...heard, ...tasks(), ...people()]
    let at = luck() * moves.reduce((sum, each) => sum + each.rate, 0)
    const next = moves.find((each) => (at -= each.rate) <= 0)
    next?.go()
    return next !== undefined
  }

  const counts = (index: number): boolean => {
    const step = steps.get(index)
    if (step === undefined) return false
    const { manual, commit, inLine } = memoryOf(step)
    return (
      statusOf(step.live) === 'passed' || (manual?.from === 'passed' && !manual.live && (commit === null || inLine))
    )
  }
  const check = (): void => {
    const { passed, owed, line, told: asked, stopped } = known()
    const those = indexes.filter(counts)
    const isOver = statusOf(directive.live) === 'completed'
    const isQuiet = [...mail.values()].every((all) => all.length === 0)
    if (!isOver && !isQuiet) return
    const why = `seed ${seed}\n${log.slice(-40).join('\n')}`
    if (isOver) for (const index of indexes) expect(counts(index), why).toBe(true)
    if (!isQuiet) return
    expect({ passed, owed }, why).toEqual({ passed: those.length, owed: 0 })
    for (const { commit, index } of those.map((each) => ({ ...memoryOf(stepAt(each)), index: each })))
      if (commit !== null) expect(lines.get(line ?? 'l0')?.get(index), why).toBe(commit)
    if (hasEnded(directive.live)) expect(stopped, why).toBe(asked)
  }
  /** Nobody asks for anything any more, and all that is judged is good: so it completes, however often it has to be taken up again. */
  const finish = (): void => {
    isCalm = true
    for (let round = 0; statusOf(directive.live) !== 'completed'; round++) {
      expect(round, `seed ${seed}: it never completes\n${log.slice(-40).join('\n')}`).toBeLessThan(4)
      tell('d', { type: hasEnded(directive.live) ? 'retry' : 'resume' })
      for (let moves = 0; moves < 3000 && statusOf(directive.live) !== 'completed' && move(); moves++) check()
    }
  }
  return () => {
    tell('d', started)
    for (let moves = 30 + (seed % 250); moves > 0 && statusOf(directive.live) !== 'completed'; moves--) {
      move()
      check()
    }
    finish()
    check()
  }
}

it(
  'R20 R36 R38: however late steps and their directive hear of each other, what has passed is counted once, and is in the line',
  () => {
    for (let seed = 1; seed <= 700; seed++) walkOf(seed)()
  },
  120 * seconds,
)
