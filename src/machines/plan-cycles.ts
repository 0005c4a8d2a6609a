/** Finds the cycles among steps, without recursion: a plan may be one chain of 20,000. */
import type { PlanStep } from '../protocol/plan.ts'

/** How many cycles are told, and how many names of one. */
const cycleCountMax = 20
const namesMax = 50

/** A sentence per cycle, naming its steps in the order in which each waits for the next. */
export const cyclesIn = (steps: readonly PlanStep[]): string[] => {
  const cycles: string[] = []
  const state = steps.map((): 'new' | 'open' | 'done' => 'new')
  for (const start of steps.keys()) {
    if (cycles.length >= cycleCountMax) break
    if (state[start] === 'new') visit(start, steps, state, cycles)
  }
  return cycles
}

/** Walks depth first from `start`; a step met again on the present path closes a cycle. */
const visit = (
  start: number,
  steps: readonly PlanStep[],
  state: ('new' | 'open' | 'done')[],
  cycles: string[],
): void => {
  const path: { index: number; next: number }[] = [{ index: start, next: 0 }]
  state[start] = 'open'
  while (path.length > 0) {
    const at = path[path.length - 1]
    if (at === undefined) return
    const on = steps[at.index]?.dependsOn[at.next++]
    if (on === undefined) {
      state[at.index] = 'done'
      path.pop()
    } else if (state[on] === 'open') {
      if (cycles.length < cycleCountMax) cycles.push(sentence(path, on, steps))
    } else if (state[on] === 'new') {
      state[on] = 'open'
      path.push({ index: on, next: 0 })
    }
  }
}

const sentence = (path: readonly { index: number }[], first: number, steps: readonly PlanStep[]): string => {
  const from = path.findIndex(({ index }) => index === first)
  const names = [...path.slice(from).map(({ index }) => index), first].map((index) =>
    JSON.stringify(steps[index]?.name),
  )
  const left = names.length - namesMax
  const shown = left <= 1 ? names : [...names.slice(0, namesMax - 1), `(${left} more)`, ...names.slice(-1)]
  return `a cycle: ${shown.join(' waits for ')}`
}
