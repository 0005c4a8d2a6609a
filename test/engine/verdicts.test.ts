/** Evaluations end to end: where a verdict is found, what it does, and what becomes of a step without one. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stepId } from '../../src/protocol/ids.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import { callOf, type FakeDaemon, type Outcome, passes } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

const one = planOf({ a: [] })
const verdictOf = (more: object = {}): object => ({ passed: true, overallScore: 0.9, ...more })

/** Workers pass; evaluators say what is given, in turn, the last one for ever. */
const judging = (...outcomes: Outcome[]): { work: (spawn: Spawn) => Outcome } => {
  let at = 0
  return {
    work: (spawn) =>
      spawn.task.role === 'evaluator' ? (outcomes[Math.min(at++, outcomes.length - 1)] ?? null) : passes(spawn),
  }
}

/** A directive of one step whose evaluator runs and says nothing. */
const evaluating = async (
  world: World,
  input: object = {},
): Promise<{ id: string; daemon: FakeDaemon; spawn: Spawn }> => {
  const daemon = await world.daemon('d', judging(null))
  const id = await world.start({ plan: one, ...input })
  return { id, daemon, spawn: await daemon.spawned('evaluator a') }
}

it('R29: the evaluator gets a monitoring contract and the evaluation prompt', async () => {
  const world = await test.world()
  const { id, spawn } = await evaluating(world, {
    title: 'A mill',
    goal: 'flour',
    requirements: ['fine'],
    thresholds: { green: 0.77, yellow: 0.33 },
  })
  expect(spawn.task).toMatchObject({ name: 'a - Evaluator', priority: 8, supervisor: false })
  expect(spawn.contract.name).toBe('a - Monitor')
  for (const part of ['A mill', 'flour', 'fine', 'Makes a.', 'Make a, and nothing else.', '0.77', '0.33'])
    expect(spawn.task.plan).toContain(part)
  expect(spawn.task.plan).toContain(world.contractOf(stepId(id, 1, 0), 1))
  expect(await world.task(stepId(id, 1, 0), 2)).toMatchObject({
    purpose: 'evaluate',
    contract: { kind: 'monitoring', phase: 'plan' },
    localOnly: true,
  })
})

it('R29: without evaluation a step has passed when it is done', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d')
  const id = await world.start({ plan: planOf({ a: [], b: ['a'] }, { a: { evaluate: false } }) })
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.map(callOf)).toEqual(['worker a', 'worker b', 'evaluator b'])
})

it('R30: the verdict is read from the file whose name says so, rather than from the first', async () => {
  const world = await test.world()
  const { id, daemon, spawn } = await evaluating(world)
  await world.put(spawn.contract.address, 'a-notes.json', JSON.stringify(verdictOf({ overallScore: 0.1 })))
  const text = `My verdict:\n\n\`\`\`json\n${JSON.stringify(verdictOf({ overallScore: 0.91, summaryFeedback: 'good' }))}\n\`\`\`\n`
  await world.put(spawn.contract.address, 'z-Evaluation.md', text)
  await daemon.done(spawn)
  const { data } = await world.until(id, 'step_evaluation_passed')
  expect(data).toEqual({ passed: true, overallScore: 0.91, confidenceLevel: null, summaryFeedback: 'good' })
})

it('R30: without such a name it is the first file, and of its elements the first that is JSON', async () => {
  const world = await test.world()
  const { id, daemon, spawn } = await evaluating(world)
  const elements = [
    { type: 'paragraph', text: 'I have looked at it.' },
    { type: 'code', text: JSON.stringify(verdictOf({ overallScore: 0.5 })) },
    { type: 'code', text: JSON.stringify(verdictOf({ overallScore: 0.6 })) },
  ]
  await world.put(spawn.contract.address, 'b.json', JSON.stringify(verdictOf({ overallScore: 0.2 })))
  await world.put(spawn.contract.address, 'a.json', JSON.stringify({ elements }))
  await daemon.done(spawn)
  expect((await world.until(id, 'step_evaluation_passed')).data).toMatchObject({ overallScore: 0.5 })
})

it('R30: a verdict that comes inline wins over one in a file', async () => {
  const world = await test.world()
  const { id, daemon, spawn } = await evaluating(world)
  await world.put(spawn.contract.address, 'eval.json', JSON.stringify(verdictOf({ passed: false })))
  await daemon.done(spawn, { verdict: verdictOf() })
  await world.until(id, 'directive_completed')
})

it('R31 R35: a bare verdict is enough; it is stored, kept with the step and told', async () => {
  const world = await test.world()
  await world.daemon('d', judging({ done: { verdict: { passed: true, whatever: 1 } } }))
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  const { evaluations, ...step } = await world.step(id, 0)
  expect(step).toMatchObject({ status: 'passed', score: null, unevaluated: false })
  expect(evaluations).toMatchObject([
    {
      type: 'monitoring',
      evaluator: 'automated',
      verdict: { passed: true, overallScore: null, criteriaResults: null, summaryFeedback: '' },
    },
  ])
})

it('R31 R33: a score out of range is no verdict; after the tries the step passes unevaluated, and it shows', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', judging({ done: { verdict: { passed: true, overallScore: 85 } } }))
  const id = await world.start({ plan: one })
  const { severity } = await world.until(id, 'monitoring_parse_failed_open')
  expect(severity).toBe('warn')
  await world.until(id, 'directive_completed')
  expect(daemon.spawns.map(callOf)).toEqual(['worker a', ...Array.from({ length: 3 }, () => 'evaluator a')])
  expect(world.types(id).filter((type) => type === 'monitoring_retry').length).toBe(2)
  expect(await world.step(id, 0)).toMatchObject({ status: 'passed', unevaluated: true, evaluations: [] })
  expect((await world.view(id)).stepList).toMatchObject([{ unevaluated: true }])
})

it('R32: an evaluator that fails lets the step pass, with a warning', async () => {
  const world = await test.world()
  await world.daemon('d', judging({ failed: { reason: 'I cannot judge' } }))
  const id = await world.start({ plan: one, onEvaluatorFailure: { retries: 0 } })
  const { severity, data } = await world.until(id, 'monitoring_failed_open')
  expect([severity, data]).toEqual(['warn', { reason: 'I cannot judge' }])
  await world.until(id, 'directive_completed')
})

it('R33 R51: without a verdict a step is held, or fails, when the directive says so', async () => {
  const world = await test.world()
  await world.daemon('d', judging({ done: { verdict: 'fine' } }))
  const held = await world.start({ plan: one, onEvaluatorFailure: { retries: 0, then: 'hold' } })
  const fails = await world.start({ plan: one, onEvaluatorFailure: { retries: 0, then: 'fail' } })
  expect((await world.until(held, 'step_held')).data).toMatchObject({ reason: expect.stringContaining('no verdict') })
  await world.until(fails, 'directive_failed')
  await world.client.step(stepId(held, 1, 0)).approve()
  await world.until(held, 'directive_completed')
})

it('R34 R45: a verdict is handled once, whoever reports it again', async () => {
  const world = await test.world()
  const { id, daemon, spawn } = await evaluating(world)
  const both = await Promise.all([
    daemon.done(spawn, { verdict: verdictOf() }),
    daemon.done(spawn, { verdict: verdictOf({ passed: false }) }),
  ])
  expect(new Set(both.map(({ counted }) => counted))).toEqual(new Set([true, false]))
  await world.until(id, 'directive_completed')
  expect(world.types(id).filter((type) => type.startsWith('step_evaluation_')).length).toBe(1)
  expect((await world.step(id, 0)).evaluations.length).toBe(1)
})

it('R36: the word of the verdict is trusted, whatever its score', async () => {
  const world = await test.world()
  await world.daemon('d', judging({ done: { verdict: verdictOf({ overallScore: 0.01 }) } }))
  const id = await world.start({ plan: one })
  await world.until(id, 'directive_completed')
  expect(await world.step(id, 0)).toMatchObject({ score: 0.01, level: 'red' })
})

it('R36: with a repository a step has passed once its commit is in the line, one merge at a time', async () => {
  const world = await test.world()
  const commit = { a: 'b'.repeat(40), b: 'c'.repeat(40) }
  const work = (spawn: Spawn): Outcome =>
    spawn.task.role === 'worker' ? { done: { commit: spawn.step?.name === 'a' ? commit.a : commit.b } } : passes(spawn)
  const daemon = await world.daemon('d', { work, slots: 4 })
  const id = await world.start({ plan: planOf({ a: [], b: [] }), repository: 'https://example.org/mill.git' })
  await world.until(id, 'directive_completed')
  const merges = daemon.spawns.flatMap(({ merge }) => (merge === null ? [] : [merge]))
  expect(merges[0]).toEqual({ kind: 'prepare' })
  const merged = merges.filter((merge) => merge.kind === 'merge')
  expect(merged[0]?.line).toBe('a'.repeat(40))
  expect(merged[1]?.line).toBe(merged[0]?.commit)
  expect(new Set(merged.map((merge) => merge.commit))).toEqual(new Set(Object.values(commit)))
  expect(merges.at(-1)).toMatchObject({ kind: 'publish', line: merged[1]?.commit })
  expect(await world.view(id)).toMatchObject({ line: merged[1]?.commit })
})

it('R36 R37: a conflict is a rework from the line, with the files as feedback', async () => {
  const world = await test.world()
  let merges = 0
  const work = (spawn: Spawn): Outcome => {
    if (spawn.task.role === 'worker') return { done: { commit: `${spawn.task.attempt}`.padEnd(40, 'b') } }
    const clashes = spawn.merge?.kind === 'merge' && ++merges === 1
    return clashes ? { done: { merge: { kind: 'conflict', files: ['mill.ts'] } } } : passes(spawn)
  }
  const daemon = await world.daemon('d', { work })
  const id = await world.start({ plan: one, repository: 'https://example.org/mill.git' })
  await world.until(id, 'directive_completed')
  const again = await daemon.spawned('worker a', 2)
  expect(again.feedback?.text).toContain('mill.ts')
  expect(again.startCommit).toBe('a'.repeat(40))
})

it('R37: reworks are counted, and beyond their number the step fails', async () => {
  const world = await test.world()
  const daemon = await world.daemon('d', judging({ done: { verdict: verdictOf({ passed: false }) } }))
  const id = await world.start({ plan: one, maxRework: 2 })
  await world.until(id, 'directive_failed')
  expect(daemon.spawns.filter(({ task }) => task.role === 'worker').length).toBe(3)
  expect(await world.step(id, 0)).toMatchObject({ status: 'failed', round: 3 })
})

it('R20: acceptance checks run on the line when all steps have passed; a verdict sends the named steps back', async () => {
  const world = await test.world()
  let accepts = 0
  const work = (spawn: Spawn): Outcome => {
    if (spawn.task.role !== 'evaluator' || spawn.step !== null) return passes(spawn)
    const verdict = {
      passed: ++accepts > 1,
      summaryFeedback: 'It does not turn.',
      reworkInstructions: 'Oil it.',
      steps: ['b'],
    }
    return { done: { verdict } }
  }
  const daemon = await world.daemon('d', { work })
  const checks = [{ name: 'turns', run: 'true' }]
  const id = await world.start({ plan: planOf({ a: [], b: [], c: ['b'] }), checks })
  await world.until(id, 'directive_completed')
  expect(
    daemon.spawns.filter(({ step, task }) => step === null && task.role === 'evaluator').map((spawn) => spawn.checks),
  ).toMatchObject([checks, checks])
  const again = daemon.spawns.filter(({ feedback }) => feedback !== null)
  expect(again.map((spawn) => [callOf(spawn), spawn.feedback?.text])).toEqual([
    ['worker b', expect.stringContaining('Oil it.')],
  ])
})
