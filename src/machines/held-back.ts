/** Which guards kept a message from a transition that its type would have had: asked of XState, in the order that it looks. */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate'
import { laidIn, type Live } from './advance.ts'
import type { Given } from './given.ts'
import { guardWords } from './guard-words.ts'

export interface HeldBack {
  guard: string
  /** What it asks for, in words. */
  needs: string
}

interface Candidate {
  guard?: unknown
  target?: readonly unknown[] | undefined
  actions: readonly unknown[]
}

/** Candidates come in the order of the chart; the first whose guard holds is taken, on the innermost state that has one. */
export const heldBack = (live: Live, message: { type: string }, given: Given<unknown>): HeldBack[] => {
  const machine = live.snapshot.machine as AnyStateMachine
  const snapshot = laidIn(live, given) as AnyMachineSnapshot
  const taken = new Set<unknown>(machine.getTransitionData(snapshot, message))
  const nodes = snapshot._nodes.filter((node) => !takenInside(node, snapshot._nodes, message.type, taken))
  const candidates = nodes.flatMap((node) => before(transitionsOf(node, message.type), taken))
  const held = candidates.flatMap((candidate) => wordsOf(candidate, snapshot.context as object, message))
  return [...new Map(held.map((each) => [each.needs, each])).values()]
}

const transitionsOf = (node: AnyStateNode, type: string): readonly Candidate[] =>
  (node.transitions as Map<string, Candidate[]>).get(type) ?? []

const takenInside = (node: AnyStateNode, nodes: readonly AnyStateNode[], type: string, taken: ReadonlySet<unknown>) =>
  nodes.some((other) => isInside(other, node) && transitionsOf(other, type).some((each) => taken.has(each)))

const isInside = (node: AnyStateNode, of: AnyStateNode): boolean => {
  for (let at = node.parent; at !== undefined; at = at.parent) if (at === of) return true
  return false
}

/** Those that were looked at in vain; one that does nothing holds nothing back. */
const before = (candidates: readonly Candidate[], taken: ReadonlySet<unknown>): Candidate[] => {
  const at = candidates.findIndex((each) => taken.has(each))
  return candidates
    .slice(0, at < 0 ? candidates.length : at)
    .filter(({ target, actions }) => target !== undefined || actions.length > 0)
}

const wordsOf = ({ guard }: Candidate, context: object, event: { type: string }): HeldBack[] => {
  const name = typeof guard === 'string' ? guard : (guard as { type?: string } | undefined)?.type
  if (name === undefined) return []
  const params = (guard as { params?: Record<string, unknown> }).params ?? {}
  const of = { context, event, params } as object as Parameters<(typeof guardWords)[string]>[0]
  const needs = guardWords[name]?.(of) ?? null
  return needs === null ? [] : [{ guard: name, needs }]
}
