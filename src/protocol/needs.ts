/** What a task needs of a daemon, and whether a daemon has it (R39): one rule for those who assign and those who explain. */
import type { Needs, Role } from './directive.ts'

/** What a task asks of a daemon. */
export interface Want {
  role: Role
  labels: Readonly<Record<string, string>>
  /** Null: any. */
  executor: string | null
}

/** What a daemon, or a grant of it, has to offer. */
export interface Offer {
  roles: readonly Role[]
  executors: readonly string[]
  labels: Readonly<Record<string, string>>
}

/** Executors that every daemon of ours has. */
export const standardExecutors = ['shell', 'command', 'checks'] as const

/** Whether a daemon can run a task (R39): it has the role, the executor and every label. */
export const fits = (want: Want, offer: Offer): boolean =>
  offer.roles.includes(want.role) &&
  (want.executor === null || offer.executors.includes(want.executor)) &&
  Object.entries(want.labels).every(([key, value]) => offer.labels[key] === value)

/** The directive's words for a role, with those of the step on top: of its labels always, of the rest for its own work. Null: no step's task. */
export const needsTogether = (role: Role, ofRole: Needs, ofStep: Needs | null): Needs => {
  if (ofStep === null) return ofRole
  const labels = { ...ofRole.labels, ...ofStep.labels }
  return role === 'worker' ? { ...ofRole, ...ofStep, labels } : { ...ofRole, labels }
}
