/** Which executor runs a task: the one that it names, else the usual one of its role. */
import type { Role } from '../../protocol/directive.ts'
import type { standardExecutors } from '../../protocol/needs.ts'
import type { Spawn } from '../../protocol/task.ts'
import { checks } from './checks.ts'
import { command } from './command.ts'
import type { Executor } from './executor.ts'
import { merge } from './merge.ts'
import { shell } from './shell.ts'

const usual: Record<Exclude<Role, 'merger'>, string> = { planner: 'command', worker: 'shell', evaluator: 'checks' }

/** Names of a daemon's own executors, each a program with its arguments that gets the plan on standard input. */
export type DeclaredExecutors = Readonly<Record<string, readonly string[]>>

export interface Choice {
  /** Declared in `hello`. */
  names: readonly string[]
  /** Null: this daemon has no executor of that name. */
  of: (spawn: Spawn) => { name: string; executor: Executor | null }
}

const standard: Record<(typeof standardExecutors)[number], Executor> = { shell, command: command(null), checks }

export const chooseFrom = (declared: DeclaredExecutors): Choice => {
  const own = Object.entries(declared).map(([name, argv]) => [name, command(argv)] as const)
  const known = new Map<string, Executor>([...Object.entries(standard), ...own])
  return {
    names: [...known.keys()],
    of: ({ executor, task }) => {
      if (task.role === 'merger') return { name: 'merge', executor: merge }
      const name = executor ?? usual[task.role]
      return { name, executor: known.get(name) ?? null }
    },
  }
}
