/**
 * A plan drawn as a tree, though it is a graph: every step hangs below the dependency that comes latest, and names the
 * others that it waits for. Steps without dependencies stand at the root, in the plan's order.
 */

export interface Node {
  name: string
  dependsOn: readonly string[]
}

export interface Branch<T extends Node> {
  step: T
  /** What is drawn before the step: `│  ├─ `. */
  lead: string
  /** Dependencies other than the one that it hangs below. */
  also: readonly string[]
}

/** Deeper or longer ones are drawn as a list: indentation would say nothing any more. */
const levelsMax = 12
const stepsMax = 300

/** The lines of the tree from top to bottom; steps of a cycle, or with unknown dependencies only, stand at the root. */
export const treeOf = <T extends Node>(steps: readonly T[]): Branch<T>[] => {
  const depths = depthsOf(steps)
  if (Math.max(0, ...depths.values()) > levelsMax || steps.length > stepsMax) return listOf(steps)
  const parents = parentsOf(steps, depths)
  const children = new Map<string | null, T[]>()
  for (const step of steps) append(children, parents.get(step.name) ?? null, step)
  const lines: Branch<T>[] = []
  const open: { step: T; lead: string; indent: string }[] = []
  const push = (parent: string | null, indent: string): void => {
    const below = children.get(parent) ?? []
    const drawn = below.map((step, at) => {
      const last = at === below.length - 1
      return { step, lead: `${indent}${last ? '└─ ' : '├─ '}`, indent: `${indent}${last ? '   ' : '│  '}` }
    })
    open.push(...drawn.toReversed())
  }
  push(null, '')
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { step, lead, indent } = next
    const parent = parents.get(step.name)
    lines.push({ step, lead, also: step.dependsOn.filter((name) => name !== parent) })
    push(step.name, indent)
  }
  return lines
}

const listOf = <T extends Node>(steps: readonly T[]): Branch<T>[] =>
  steps.map((step) => ({ step, lead: '', also: step.dependsOn }))

const append = <K, V>(lists: Map<K, V[]>, key: K, value: V): void => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** For each step the dependency with the longest way from the root: whoever has passed it has as good as passed the others. */
const parentsOf = (steps: readonly Node[], depths: ReadonlyMap<string, number>): Map<string, string> => {
  const parents = new Map<string, string>()
  for (const { name, dependsOn } of steps) {
    if (!depths.has(name)) continue
    const known = dependsOn.filter((other) => depths.has(other))
    const deepest = known.toSorted((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0))[0]
    if (deepest !== undefined) parents.set(name, deepest)
  }
  return parents
}

/** How many steps one after the other each depends on. Kahn's way, without recursion: a plan may be a chain of 20,000. None for steps on a cycle. */
export const depthsOf = (steps: readonly Node[]): Map<string, number> => {
  const names = new Set(steps.map(({ name }) => name))
  const left = new Map(steps.map(({ name, dependsOn }) => [name, dependsOn.filter((other) => names.has(other)).length]))
  const dependents = new Map<string, string[]>()
  for (const { name, dependsOn } of steps) {
    for (const other of dependsOn) append(dependents, other, name)
  }
  const depths = new Map<string, number>()
  const free = steps.filter(({ name }) => left.get(name) === 0).map(({ name }) => name)
  for (const name of free) depths.set(name, 0)
  for (let name = free.shift(); name !== undefined; name = free.shift()) {
    for (const other of dependents.get(name) ?? []) {
      const rest = (left.get(other) ?? 0) - 1
      left.set(other, rest)
      depths.set(other, Math.max(depths.get(other) ?? 0, (depths.get(name) ?? 0) + 1))
      if (rest === 0) free.push(other)
    }
  }
  for (const [name, rest] of left) if (rest > 0) depths.delete(name)
  return depths
}
