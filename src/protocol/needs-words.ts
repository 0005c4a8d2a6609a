/** What a task asks of a daemon beside its role, in words for people: the same wherever it is waited for. */
import type { Needs } from './directive.ts'

/** `with label gpu=yes and the executor agent`; empty when any daemon of the role will do. */
export const needsWords = ({ labels = {}, executor }: Pick<Needs, 'labels' | 'executor'>): string => {
  const pairs = Object.entries(labels)
    .map((pair) => pair.join('='))
    .toSorted((a, b) => (a < b ? -1 : 1))
  const parts = [
    ...(pairs.length === 0 ? [] : [`${pairs.length === 1 ? 'label' : 'labels'} ${pairs.join(', ')}`]),
    ...(executor === undefined ? [] : [`the executor ${executor}`]),
  ]
  return parts.length === 0 ? '' : `with ${parts.join(' and ')}`
}
