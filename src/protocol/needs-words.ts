/** What a task asks of a daemon beside its role, in words for people: the same wherever it is waited for. */
import type { Needs, Role } from './directive.ts'
import { standardExecutors } from './needs.ts'
import { word } from './shell-words.ts'

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

/**
 * The command that starts a daemon which can do it. A label `host` says which machine it is to be: no flag makes another one of
 * this. Which program an executor is only its people know.
 */
export const daemonCommand = ({
  role,
  labels,
  executor,
}: {
  role: Role
  labels: Record<string, string>
  executor: string | null
}): string => {
  const pairs = Object.entries(labels).filter(([key]) => key !== 'host')
  const isStandard = executor === null || standardExecutors.some((name) => name === executor)
  return [
    `writ daemon run --role ${role}`,
    ...pairs.map(([key, value]) => `--label ${word(`${key}=${value}`)}`),
    ...(isStandard ? [] : [`--executor ${word(executor)}="program arguments"`]),
  ].join(' ')
}
