/**
 * Directives of several shapes, whose steps' effects can be counted: each attempt appends a line to the file of its directive (its step,
 * itself, and the money that it moves), and reports a word of its own that stands in that line too.
 */
import { join } from 'node:path'
import type { CreateDirective } from '../../src/protocol/commands.ts'
import type { SimRandom } from '../sim/random.ts'

export const shapeNames = [
  'chain',
  'diamond',
  'fan',
  'rework',
  'planned',
  'approved',
  'failing',
  'cancelled',
  'paused',
  'dying',
  'repository',
  'published',
] as const
export type ShapeName = (typeof shapeNames)[number]

export interface Transfer {
  from: string
  to: string
  amount: number
}

/** A directive of the workload: what is submitted, and what is expected of it. */
export interface Shape {
  id: string
  name: ShapeName
  input: CreateDirective
  /** Of each step, by its name. */
  transfers: ReadonlyMap<string, Transfer>
  /** How it is to end. */
  ends: 'completed' | 'cancelled'
}

export interface Places {
  /** Of the directives' files. */
  effects: string
  /** Of the directives that have one. */
  repository: string
}

interface Step {
  name: string
  depends_on: string[]
  /** Between its effect and its end, in s. */
  seconds?: number
  script?: string
  checks?: { name: string; run: string }[]
  requires_approval?: boolean
}

export const accounts = ['ash', 'birch', 'cedar', 'elm', 'fir', 'larch']
/** Long enough for whatever is healed to be noticed; a lost task is then taken from its daemon. */
const limits = { stallSeconds: 90, totalSeconds: 240, retries: 20 }

/**
 * What a step leaves behind, which lives for as long as the run unless it is ended: a process of the task's group; one of it that
 * has nothing of the task in its environment; one that has left group and session. Each names the file of its directive.
 */
const children = [
  (command: string) => command,
  (command: string) => `env -i ${command}`,
  (command: string) => `setsid ${command}`,
] as const

/** By chance; some leave nothing. What is left behind holds no output open, and never outlives the run itself. */
const childBy = (random: SimRandom, file: string): string[] => {
  const left = random.pick([...children, null]) ?? null
  return left === null ? [] : [`${left(`tail --pid=${process.pid} -f ${file}`)} > /dev/null 2>&1 &`]
}

/** Of one directive, by chance. */
export const shapeOf = (name: ShapeName, number: number, random: SimRandom, places: Places): Shape => {
  const id = `${name}-${number}`
  const file = join(places.effects, id)
  const steps = stepsOf(name, random, file)
  const transfers = new Map(steps.map((step) => [step.name, transferBy(random)]))
  const plan = { steps: steps.map((step) => planStep(step, transfers, file, childBy(random, file))) }
  const input: CreateDirective = {
    id,
    title: `The directive ${id}`,
    goal: 'to be done, each step of it once',
    evaluate: steps.some(({ checks }) => checks !== undefined),
    limits,
    maxRework: 5,
    needs: { worker: { executor: name === 'published' ? 'nobody' : 'shell' } },
    // Whoever judges may be killed over and over; that must not make a step pass that nobody has judged.
    onEvaluatorFailure: { retries: 20, then: 'hold' },
    ...(name === 'repository' ? { repository: places.repository } : {}),
    ...(name === 'planned' ? plannedBy(plan) : { plan }),
  }
  return { id, name, input, transfers, ends: name === 'cancelled' ? 'cancelled' : 'completed' }
}

/** A planner of its own submits the plan. */
const plannedBy = (plan: object): Partial<CreateDirective> => {
  const script = `cat > plan.json <<'END'\n${JSON.stringify(plan)}\nEND\nwrit directive plan "$WRIT_DIRECTIVE" --file plan.json`
  return {
    maxRegenerations: 20,
    needs: { worker: { executor: 'shell' }, planner: { executor: 'command', command: ['/bin/sh', '-c', script] } },
  }
}

const transferBy = (random: SimRandom): Transfer => {
  const from = random.between(0, accounts.length - 1)
  const to = (from + random.between(1, accounts.length - 1)) % accounts.length
  return { from: accounts[from] ?? '', to: accounts[to] ?? '', amount: random.between(1, 99) }
}

const planStep = (
  { name, depends_on, seconds = 0, script, checks, requires_approval }: Step,
  transfers: ReadonlyMap<string, Transfer>,
  file: string,
  child: readonly string[],
): object => {
  const { from, to, amount } = transfers.get(name) ?? { from: '', to: '', amount: 0 }
  const lines = [
    'word=$(cat /proc/sys/kernel/random/uuid)',
    // One write: lines of several processes do not mix.
    `echo "$WRIT_STEP $(basename "$WRIT_WORKSPACE") ${from} ${to} ${amount} $word" >> ${file}`,
    ...child,
    ...(seconds > 0 ? [`sleep ${seconds}`] : []),
    ...(script === undefined ? [] : [script]),
    'echo "$word"',
  ]
  const more = {
    ...(checks === undefined ? {} : { checks }),
    ...(requires_approval === true ? { requires_approval } : {}),
  }
  return { name, description: `The step ${name}.`, task_plan: lines.join('\n'), depends_on, ...more }
}

const chain = (count: number, seconds: () => number): Step[] =>
  Array.from({ length: count }, (_, at) => ({
    name: `s${at}`,
    depends_on: at === 0 ? [] : [`s${at - 1}`],
    seconds: seconds(),
  }))

const judged = [{ name: 'good', run: 'true' }]

const stepsOf = (name: ShapeName, random: SimRandom, file: string): Step[] => {
  const seconds = (): number => random.between(0, 20) / 10
  const times = (step: string): string => `$(grep -c "^${step} " ${file})`
  switch (name) {
    case 'chain':
    case 'planned':
      return chain(random.between(3, 5), seconds)
    case 'diamond':
      return [
        { name: 'top', depends_on: [], checks: judged },
        { name: 'left', depends_on: ['top'], seconds: seconds(), checks: judged },
        { name: 'right', depends_on: ['top'], seconds: seconds(), checks: judged },
        { name: 'bottom', depends_on: ['left', 'right'], checks: judged },
      ]
    case 'fan': {
      const leaves = Array.from({ length: random.between(4, 8) }, (_, at) => `leaf${at}`)
      const each = leaves.map((leaf) => ({ name: leaf, depends_on: ['root'], seconds: seconds() }))
      return [{ name: 'root', depends_on: [] }, ...each, { name: 'end', depends_on: leaves }]
    }
    case 'rework':
      return [
        { name: 'a', depends_on: [], checks: [{ name: 'twice', run: `test ${times('a')} -ge 2` }] },
        { name: 'b', depends_on: ['a'], checks: judged },
      ]
    case 'approved':
      return [
        { name: 'a', depends_on: [] },
        { name: 'b', depends_on: ['a'], requires_approval: true },
        { name: 'c', depends_on: ['b'] },
      ]
    case 'failing':
      return [
        { name: 'a', depends_on: [] },
        { name: 'b', depends_on: ['a'], script: `test ${times('b')} -ge 2` },
        { name: 'c', depends_on: ['b'] },
      ]
    case 'cancelled':
      return chain(20, () => 1)
    case 'paused':
      return chain(5, () => 0.5)
    case 'published':
      return chain(2, () => 0)
    case 'dying':
      return [
        { name: 'a', depends_on: [], script: `test ${times('a')} -ge 2 || kill -9 $$` },
        { name: 'b', depends_on: ['a'] },
      ]
    case 'repository':
      return [
        { name: 'a', depends_on: [], script: 'echo a >> a.txt' },
        { name: 'b', depends_on: [], script: 'echo b >> b.txt' },
        { name: 'c', depends_on: ['a', 'b'], script: 'echo c >> c.txt && cat a.txt b.txt' },
      ]
  }
}
