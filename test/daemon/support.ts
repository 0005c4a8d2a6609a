/** What the daemon's tests share: a bus in memory, a node that answers on it, real repositories, and a daemon with a home of its own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import type { Daemon, DaemonOptions } from '../../src/daemon/daemon.ts'
import { runDaemon } from '../../src/daemon/daemon.ts'
import type { DaemonBus } from '../../src/daemon/wire.ts'
import { WritError } from '../../src/protocol/errors.ts'
import type { ErrorBody } from '../../src/protocol/errors.ts'
import type { Spawn } from '../../src/protocol/task.ts'

type Take = (subject: string, body: unknown) => unknown

const matches = (pattern: string, subject: string): boolean => {
  const [want, have] = [pattern.split('.'), subject.split('.')]
  return want.length === have.length && want.every((token, at) => token === '*' || token === have[at])
}

/** Requests go to the one that listens; a listener that throws answers with that error. */
export interface MemoryBus extends DaemonBus {
  answer: (pattern: string, take: Take) => void
  published: { subject: string; body: unknown }[]
}

export const memoryBus = (): MemoryBus => {
  const listeners = new Map<object, { pattern: string; take: Take }>()
  const published: { subject: string; body: unknown }[] = []
  const through = (body: object): unknown => JSON.parse(JSON.stringify(body))
  return {
    published,
    answer: (pattern, take) => void listeners.set({}, { pattern, take }),
    publish: (subject, body) => void published.push({ subject, body: through(body) }),
    request: async (subject, body) => {
      const listener = [...listeners.values()].find(({ pattern }) => matches(pattern, subject))
      if (listener === undefined) throw new WritError('NO_ANSWER', `nobody answered ${subject}`)
      const answer = (await listener.take(subject, through(body))) as { error?: ErrorBody }
      if (answer.error !== undefined) throw WritError.from(answer.error)
      return answer
    },
    subscribe: (pattern, _options, take) => {
      const key = {}
      const asked: Take = (subject, body) =>
        new Promise((reply) => take({ subject, body: new TextEncoder().encode(JSON.stringify(body)), reply }))
      listeners.set(key, { pattern, take: asked })
      return { drain: () => Promise.resolve(void listeners.delete(key)) }
    },
  }
}

export interface Reported {
  verb: string
  task: string
  body: Record<string, unknown>
}

/** A node that knows one daemon, gives it orders and takes its reports. */
export interface Node {
  bus: MemoryBus
  hellos: Record<string, unknown>[]
  beats: Record<string, unknown>[]
  /** The next beat is answered as if the daemon were not known. */
  forget: () => void
  reports: Reported[]
  /** What the next reports are answered with; then receipts again. */
  refuse: (...answers: ErrorBody[]) => void
  order: (verb: 'spawn' | 'cancel' | 'finish' | 'drain' | 'output', body: object) => Promise<unknown>
  /** The first `done` or `failed` of a task. */
  outcome: (task: string) => Promise<Reported>
}

export const openNode = (bus: MemoryBus = memoryBus(), daemon = 'tester'): Node => {
  const node: Pick<Node, 'hellos' | 'beats' | 'reports'> = { hellos: [], beats: [], reports: [] }
  const refusals: ErrorBody[] = []
  let forgotten = false
  const session = (): string => String(node.hellos.at(-1)?.['session'])
  bus.answer(subjects.daemon.pattern({ owner: 'default', id: daemon, verb: 'hello' }), (_subject, body) => {
    node.hellos.push(body as Record<string, unknown>)
    return { session: session(), beatMs: 50, leaseMs: 30_000 }
  })
  bus.answer(subjects.daemon.pattern({ owner: 'default', id: daemon, verb: 'beat' }), (_subject, body) => {
    node.beats.push(body as Record<string, unknown>)
    const known = !forgotten
    forgotten = false
    return { known }
  })
  bus.answer(subjects.daemon.pattern({ owner: 'default', id: daemon, verb: 'bye' }), () => ({}))
  bus.answer(subjects.report.pattern({ owner: 'default', daemon }), (subject, body) => {
    const read = subjects.report.read(subject)
    node.reports.push({ verb: read?.verb ?? '', task: read?.id ?? '', body: body as Record<string, unknown> })
    const refusal = read?.verb === 'progress' ? undefined : refusals.shift()
    return refusal === undefined ? { received: true, counted: true } : { error: refusal }
  })
  const ends = ({ verb }: Reported): boolean => verb === 'done' || verb === 'failed'
  return {
    ...node,
    bus,
    forget: () => {
      forgotten = true
    },
    refuse: (...answers) => void refusals.push(...answers),
    order: async (verb, body) => {
      await until(() => node.hellos.length > 0)
      return bus.request(
        subjects.daemonSession.at({ owner: 'default', id: daemon, session: session(), verb }),
        body,
        5000,
      )
    },
    outcome: (task) => until(() => node.reports.find((report) => report.task === task && ends(report))),
  }
}

/** Waits until a condition holds and returns what it found. */
export const until = async <T>(look: () => T | undefined | null | false, withinMs = 20_000): Promise<T> => {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(10)) {
    const found = look()
    if (found !== undefined && found !== null && found !== false) return found
  }
  throw new Error(`not within ${withinMs} ms: ${look.toString()}`)
}

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const act of undo.splice(0).toReversed()) await act()
})

/** What is to be undone after the test. */
export const after = (act: () => Promise<unknown>): void => void undo.push(act)

export const temporaryFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'writ-test-')))
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

const silent = (): void => undefined
export const quiet = { debug: silent, info: silent, warn: silent, error: silent }

export const startDaemon = async (
  node: Node,
  options: Partial<DaemonOptions> = {},
): Promise<Daemon & { home: string }> => {
  const home = options.home ?? temporaryFolder()
  const roles = ['planner', 'worker', 'evaluator', 'merger'] as const
  const daemon = await runDaemon({
    bus: node.bus,
    owner: 'default',
    name: 'tester',
    slots: 4,
    roles,
    log: quiet,
    ...options,
    home,
  })
  after(() => daemon.stop(true))
  await daemon.ready
  return { ...daemon, home }
}

/** A spawn of a worker with the executor `shell`, changed as the test needs it. */
export const spawnOf = (
  id: string,
  changes: Partial<Omit<Spawn, 'task'>> & { task?: Partial<Spawn['task']> } = {},
): Spawn => {
  const { task, ...rest } = changes
  const step = { id: `d__1_0`, address: '7.d__1_0', name: 'first', index: 0 }
  return {
    contract: { id: 'd__1_0__c1', address: '7.d__1_0__c1', name: 'first' },
    directive: { id: 'd', address: '7.d', title: 'A directive' },
    step,
    owner: 'default',
    grant: 'g1',
    executor: null,
    command: null,
    checks: [],
    feedback: null,
    thresholds: { green: 0.8, yellow: 0.5 },
    repository: null,
    baseBranch: null,
    targetBranch: null,
    targetPath: null,
    startCommit: null,
    merge: null,
    completionAction: 'branch',
    continueFrom: null,
    copyFiles: null,
    resumeSession: null,
    history: null,
    patch: null,
    localOnly: true,
    autoMergeLocal: false,
    sharedWorktreeOf: null,
    stallMs: 600_000,
    totalMs: 600_000,
    ...rest,
    task: {
      id,
      address: `7.${id}`,
      name: `${id} Supervisor`,
      role: 'worker',
      priority: 5,
      plan: 'true',
      attempt: 1,
      nonce: `nonce-${id}`,
      supervisor: true,
      orchestrator: false,
      autonomous: true,
      parent: null,
      depth: 0,
      ...task,
    },
  }
}

export const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.org', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: cwd, GIT_CONFIG_NOSYSTEM: '1' },
  }).trim()

/** A repository with a checkout of `main` and one commit. */
export const makeRepository = (
  files: Record<string, string> = { 'a.txt': 'one\n' },
): { folder: string; base: string } => {
  const folder = join(temporaryFolder(), 'project')
  mkdirSync(folder)
  git(folder, 'init', '--quiet', '--initial-branch=main')
  writeFiles(folder, files)
  git(folder, 'add', '--all')
  git(folder, 'commit', '--quiet', '--message', 'First')
  return { folder, base: git(folder, 'rev-parse', 'HEAD') }
}

export const writeFiles = (folder: string, files: Record<string, string>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Of the flags of a process, as proc(5) has them: it is on its way out, and runs nothing of its own any more (PF_EXITING). */
const exiting = 0x4

/** Whether a process lives (one that is ending, or only waits to be reaped, does not). */
export const lives = (pid: number): boolean => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = 'X', , , , , , flags] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return !['Z', 'X'].includes(state) && (Number(flags) & exiting) === 0
  } catch {
    // No such process.
    return false
  }
}

/** Leaves a test out and says why, where everybody sees it. */
export const skipAloud = (skip: (note: string) => never, why: string): never => {
  console.warn(`skipped: ${why}`)
  return skip(why)
}
