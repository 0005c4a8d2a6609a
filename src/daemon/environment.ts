/** The environment of what the daemon starts: an allow-list, so nothing of the daemon's own (credentials least of all) leaks. */
import type { Spawn } from '../protocol/task.ts'

const allowed = new Set(['PATH', 'HOME', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'SHELL', 'USER', 'LOGNAME'])
/** Not even by option: they are the daemon's own ways in. */
const never = /^WRIT_|^DATABASE_URL$|^PG|^NATS_/

/** The allowed part of `env`, and of `more` what is there. */
export const environmentFor = (env: NodeJS.ProcessEnv, more: readonly string[]): Record<string, string> => {
  const named = new Set(more)
  const entries = Object.entries(env).flatMap(([name, value]) => {
    const passes = allowed.has(name) || name.startsWith('LC_') || (named.has(name) && !never.test(name))
    return passes && value !== undefined ? [[name, value] as const] : []
  })
  return { PATH: '/usr/local/bin:/usr/bin:/bin', ...Object.fromEntries(entries), TERM: 'dumb' }
}

/** Where an attempt finds its things. */
export interface Places {
  workspace: string
  planFile: string
  /** Only on a rework. */
  feedbackFile: string | null
  socket: string
  token: string
  /** Holds the `writ` launcher. */
  bin: string
}

/** What a task sees. The attempt's number is not in it: a task does the same at every attempt. */
export const taskEnvironment = (
  base: Record<string, string>,
  spawn: Spawn,
  places: Places,
): Record<string, string> => ({
  ...base,
  PATH: `${places.bin}:${base['PATH'] ?? ''}`,
  WRIT_TASK: spawn.task.id,
  WRIT_CONTRACT: spawn.contract.id,
  WRIT_DIRECTIVE: spawn.directive.id,
  ...(spawn.step === null ? {} : { WRIT_STEP: spawn.step.name }),
  WRIT_ROLE: spawn.task.role,
  WRIT_PLAN_FILE: places.planFile,
  ...(places.feedbackFile === null ? {} : { WRIT_FEEDBACK_FILE: places.feedbackFile }),
  WRIT_WORKSPACE: places.workspace,
  WRIT_SOCKET: places.socket,
  WRIT_TOKEN: places.token,
})
