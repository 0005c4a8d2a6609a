/** The executor `checks`: an evaluator that runs the checks one by one, each with its own time-out, and reports a verdict inline. */
import type { Check } from '../../protocol/directive.ts'
import type { Spawn } from '../../protocol/task.ts'
import type { Executor, Finished, Work } from './executor.ts'

const outputChars = 4096
/** Of the output of all checks together: a verdict has to fit in a report. */
const outputsCharsMax = 60 * 1024

interface CheckResult {
  name: string
  run: string
  passed: boolean
  exitCode: number | null
  durationMs: number
  outputTail: string
  why: string
}

export const checks: Executor = async (work) => {
  const results: CheckResult[] = []
  const chars = Math.min(outputChars, Math.floor(outputsCharsMax / Math.max(1, work.spawn.checks.length)))
  for (const check of work.spawn.checks) results.push(await runCheck(work, check, chars))
  return { verb: 'done', body: { verdict: verdictOn(results, work.spawn.thresholds) } }
}

const runCheck = async ({ run, shell, note }: Work, check: Check, chars: number): Promise<CheckResult> => {
  note(`check ${check.name}: ${check.run}`)
  const finished = await run({ file: shell, args: ['-c', check.run], timeoutMs: check.timeout * 1000 })
  const passed = finished.code === 0 && !finished.timedOut
  const why = reasonOf(finished, check)
  note(`check ${check.name} ${passed ? 'passed' : `failed: ${why}`}`)
  const { durationMs, tail } = finished
  const exitCode = finished.timedOut ? null : finished.code
  return { name: check.name, run: check.run, passed, exitCode, durationMs, outputTail: tail.trim().slice(-chars), why }
}

const reasonOf = ({ code, signal, timedOut }: Finished, { timeout }: Check): string =>
  timedOut
    ? `it took longer than ${timeout} s`
    : signal === null
      ? `exit code ${code ?? 'unknown'}`
      : `ended by the signal ${signal}`

const verdictOn = (results: readonly CheckResult[], { green, yellow }: Spawn['thresholds']) => {
  const failures = results.filter((result) => !result.passed)
  const score = results.length === 0 ? 1 : (results.length - failures.length) / results.length
  return {
    passed: failures.length === 0,
    overallScore: score,
    confidenceLevel: score >= green ? 'green' : score >= yellow ? 'yellow' : 'red',
    criteriaResults: results.map(({ name, passed, exitCode, durationMs, outputTail }) => ({
      name,
      passed,
      exitCode,
      durationMs,
      outputTail,
    })),
    summaryFeedback: summaryOf(results.length, failures),
    reworkInstructions: failures.length === 0 ? null : instructionsFor(failures),
  }
}

const summaryOf = (total: number, failures: readonly CheckResult[]): string => {
  if (total === 0) return 'There were no checks to run.'
  if (failures.length === 0) return total === 1 ? 'The check passed.' : `All ${total} checks passed.`
  return `${failures.length} of ${total} checks failed: ${failures.map(({ name }) => name).join(', ')}.`
}

const instructionsFor = (failures: readonly CheckResult[]): string => failures.map(instructionFor).join('\n\n')

const instructionFor = ({ name, run, why, outputTail }: CheckResult): string =>
  [
    `The check "${name}" failed (${why}).`,
    `Command: ${run.slice(0, outputChars)}`,
    'The last of its output:',
    outputTail || '(none)',
  ].join('\n')
