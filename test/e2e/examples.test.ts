/** The bundled examples, as far as they can be tried without a node: their files, their project and their scripts. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { check, directiveInput } from '../../src/protocol/directive.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const ledger = join(examples, 'ledger')
const scratch = mkdtempSync(join(tmpdir(), 'writ-examples-'))
// Every check starts processes of its own; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 })
afterAll(() => rmSync(scratch, { recursive: true }))

/** A plan as R9 has it, every key that the examples use. */
const plan = z.strictObject({
  steps: z.array(
    z.strictObject({
      name: z.string().min(1),
      description: z.string().min(1),
      task_plan: z.string().min(1),
      depends_on: z.array(z.string()).default([]),
      checks: z.array(check).default([]),
    }),
  ),
})
type Step = z.infer<typeof plan>['steps'][number]

/** In a file the repository may be a path from its folder. */
const written = directiveInput.extend({ repository: z.string().optional() })
const readDirective = (file: string) => written.parse(parse(readFileSync(join(examples, file), 'utf8')))
const node = (cwd: string, args: string[], env: Record<string, string> = {}) => {
  const { PATH = '' } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env: { PATH, ...env }, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}
const sh = (cwd: string, script: string) => spawnSync('sh', ['-c', script], { cwd, encoding: 'utf8' })
const setUp = (folder: string) => node(ledger, ['setup.mjs', folder])

/** The steps in an order in which each comes after all that it depends on; fails on a cycle or an unknown name. */
function inOrder(steps: readonly Step[]): Step[] {
  const done: Step[] = []
  while (done.length < steps.length) {
    const names = done.map((step) => step.name)
    const ready = steps.filter(
      (step) => !names.includes(step.name) && step.depends_on.every((name) => names.includes(name)),
    )
    expect(ready).not.toEqual([])
    done.push(...ready)
  }
  return done
}

/** Runs a scripted planner or worker as a daemon would: in a folder for its work, the prompt in a file. */
function scripted(who: 'planner' | 'worker', folder: string, prompt: string, path: readonly string[] = []) {
  const file = join(mkdtempSync(join(scratch, 'prompt-')), 'prompt.md')
  writeFileSync(file, prompt)
  const PATH = [...path, process.env['PATH'] ?? ''].join(delimiter)
  return node(folder, [join(ledger, 'scripted', `${who}.mjs`)], { WRIT_PLAN_FILE: file, PATH })
}

/** What the evaluator says of the checks that fail: name, command and the end of the output. Empty when none does. */
function failures(folder: string, step: Step): string {
  const judged = step.checks.map(({ name, run }) => ({ name, run, ...sh(folder, run) }))
  const failed = judged.filter(({ status }) => status !== 0)
  return failed
    .map(({ name, run, stdout, stderr }) => `${name}: ${run}\n${(stdout + stderr).slice(-4096)}\n`)
    .join('\n')
}

/** A prompt for a rework (R25): the round and the feedback at the head, then the task plan. */
const rework = (step: Step, feedback: string) => `# Rework, round 2\n\n${feedback}\n\n${step.task_plan}`

/** Plans with the scripted planner. A stand-in for the `writ` command keeps the file that `accepted` submits. */
function planned(prompt: string, accepted = 'directive plan --file'): { steps: Step[]; output: string } {
  const folder = mkdtempSync(join(scratch, 'planner-'))
  const command = `#!/bin/sh\nfor file; do :; done\n[ "$*" = "${accepted} $file" ] && cp "$file" '${folder}/submitted.json'\n`
  writeFileSync(join(folder, 'writ'), command)
  chmodSync(join(folder, 'writ'), 0o755)
  const { status, output } = scripted('planner', scratch, prompt, [folder])
  expect({ status, output }).toMatchObject({ status: 0 })
  return { ...plan.parse(JSON.parse(readFileSync(join(folder, 'submitted.json'), 'utf8'))), output }
}

/** The part of R6's planning prompt that the script reads: the directive's fields as pretty JSON. */
const planningPrompt = () => {
  const { title, goal, requirements } = readDirective('ledger/directive.yaml')
  return [`# ${title}`, JSON.stringify(goal, null, 2), JSON.stringify(requirements, null, 2)].join('\n\n')
}

const stepNamed = (steps: readonly Step[], name: string): Step => {
  const step = steps.find((one) => one.name === name)
  if (step === undefined) throw new Error(`no step ${name}`)
  return step
}

describe('the files', () => {
  test.each(['hello/directive.yaml', 'ledger/directive.yaml', 'ledger/directive.agent.yaml'])(
    '%s is a directive, and the scripts that it names are there',
    (file) => {
      const { needs } = readDirective(file)
      const named = Object.values(needs).flatMap((need) => need?.command ?? [])
      const paths = named.filter((word) => word.startsWith('./'))
      expect(paths.filter((path) => !existsSync(join(examples, file, '..', path)))).toEqual([])
    },
  )

  test('the ledger with an agent differs from the scripted one only in how tasks are run', () => {
    const { needs: scripts, limits: unset, ...one } = readDirective('ledger/directive.yaml')
    const { needs: agent, limits, ...other } = readDirective('ledger/directive.agent.yaml')
    expect(other).toEqual(one)
    expect([agent.evaluator, unset]).toEqual([scripts.evaluator, {}])
    expect(limits.totalSeconds).toBeGreaterThan(0)
  })

  test('hello carries a plan of four steps that all end with 0, and needs no repository', () => {
    const { plan: ready, repository, evaluate } = readDirective('hello/directive.yaml')
    const steps = inOrder(plan.parse(ready).steps)
    expect([steps.length, repository, evaluate]).toEqual([4, undefined, false])
    expect(steps.filter((step) => sh(scratch, `set -e\n${step.task_plan}`).status !== 0)).toEqual([])
  })
})

describe('the ledger', () => {
  let steps: Step[] = []
  beforeAll(() => {
    steps = planned(planningPrompt()).steps
  })

  const workspace = (name: string): string => {
    const folder = join(scratch, name)
    expect(setUp(folder)).toMatchObject({ status: 0 })
    return folder
  }

  test('setting up makes the same clean commit on main everywhere, once', () => {
    const [one, two] = [workspace('one'), workspace('two')]
    const head = (folder: string) => execFileSync('git', ['rev-parse', 'main'], { cwd: folder, encoding: 'utf8' })
    expect(head(one)).toBe(head(two))
    expect(sh(one, 'git status --porcelain').stdout).toBe('')
    writeFileSync(join(one, 'mine.txt'), 'kept')
    expect(setUp(one).output).toContain('is there already')
    expect(existsSync(join(one, 'mine.txt'))).toBe(true)
  })

  test('setting up refuses a folder that holds something else', () => {
    const folder = join(scratch, 'taken')
    mkdirSync(folder)
    writeFileSync(join(folder, 'mine.txt'), 'kept')
    expect(setUp(folder)).toMatchObject({
      status: 1,
      output: expect.stringContaining('neither empty nor a git repository'),
    })
  })

  test('the planner submits a plan of six steps, three of them at once, each with checks', () => {
    expect(inOrder(steps).map((step) => step.name)).toEqual(['csv', 'money', 'table', 'summary', 'report', 'command'])
    expect(new Set(steps.map((step) => step.name)).size).toBe(6)
    expect(steps.filter((step) => step.depends_on.length === 0)).toHaveLength(3)
    expect(steps.filter((step) => step.checks.length === 0)).toEqual([])
  })

  test('the planner takes what is required from its prompt, and has no plan for another directive', () => {
    const changed = planned(planningPrompt().replace('must not lose a cent', 'must never lose a cent'))
    expect(stepNamed(changed.steps, 'money').task_plan).toContain('must never lose a cent')
    expect(scripted('planner', scratch, '# Another directive\n')).toMatchObject({
      status: 1,
      output: expect.stringContaining('does not fit it'),
    })
  })

  test('a plan that cannot be submitted is left in the files of the contract', () => {
    const { steps: left, output } = planned(planningPrompt(), 'contract put')
    expect(left).toEqual(steps)
    expect(output).toContain("in the contract's files")
  })

  test('the worker says that it is a script, and does nothing for a prompt that it does not know', () => {
    const { status, output } = scripted('worker', scratch, 'Do something else.\n')
    expect([status, output]).toEqual([1, expect.stringContaining('[scripted worker] nothing is prepared')])
  })

  test('the tests fail at first; done step by step with one rework, they pass, and so do the acceptance checks', () => {
    const folder = workspace('whole')
    expect(node(folder, ['--test']).status).not.toBe(0)
    const reworked: string[] = []
    for (const step of inOrder(steps)) {
      const feedback = attempt(folder, step, step.task_plan)
      if (feedback === '') continue
      reworked.push(step.name)
      expect(attempt(folder, step, rework(step, feedback))).toBe('')
    }
    expect(reworked).toEqual(['csv'])
    const accepted = readDirective('ledger/directive.yaml').checks.map(({ name, run }) => [
      name,
      sh(folder, run).status,
    ])
    expect(accepted).toEqual(accepted.map(([name]) => [name, 0]))
  })

  test('only the feedback makes the rework better: blanked, the same mistake is made again', () => {
    const folder = workspace('blanked')
    const csv = stepNamed(steps, 'csv')
    const feedback = attempt(folder, csv, csv.task_plan)
    expect(feedback).toContain('writing works')
    expect(feedback).not.toContain('reading still works')
    const first = readFileSync(join(folder, 'src/csv.js'), 'utf8')
    expect(attempt(folder, csv, rework(csv, ''))).not.toBe('')
    expect(readFileSync(join(folder, 'src/csv.js'), 'utf8')).toBe(first)
    expect(attempt(folder, csv, rework(csv, feedback))).toBe('')
  })

  test.each(['tap', 'spec'])(
    'the feedback can be read from the %s reporter too, whichever Node makes the default',
    (reporter) => {
      const folder = workspace(reporter)
      const csv = stepNamed(steps, 'csv')
      const checks = csv.checks.map((one) => ({
        ...one,
        run: one.run.replace('--test', `--test --test-reporter=${reporter}`),
      }))
      expect(attempt(folder, { ...csv, checks }, rework(csv, attempt(folder, { ...csv, checks }, csv.task_plan)))).toBe(
        '',
      )
    },
  )

  /** One attempt: the work is done and committed, the checks are run. Gives the feedback, empty when all succeeded. */
  function attempt(folder: string, step: Step, prompt: string): string {
    expect(scripted('worker', folder, prompt)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^\[scripted worker\] asked for/),
    })
    const identity = '-c user.name=Test -c user.email=test@example.invalid'
    expect(
      sh(folder, `git add --all && git ${identity} commit --quiet --allow-empty --message '${step.name}'`).status,
    ).toBe(0)
    return failures(folder, step)
  }
})
