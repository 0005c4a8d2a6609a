/**
 * The world in which the examples of the command's help are run: a `writ up`, a shell that finds `writ`, and for each example an
 * owner of its own, whose directive `hello` with its step `look` stands where the example needs it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import postgres from 'postgres'
import { pack } from '../../src/actors/codec.ts'
import { readSettings } from '../../src/cli/config.ts'
import { reach, type Link } from '../../src/cli/reach.ts'
import { databaseUrl } from '../../src/cli/verify-database.ts'
import { until } from '../../src/embedded/until.ts'
import type { DirectiveInput } from '../../src/protocol/directive.ts'
import { environment, root } from './writ.ts'

export interface Shell {
  process: ChildProcess
  /** Everything on both streams so far. */
  printed: () => string
  ended: Promise<number | string>
  /** Waits until it has printed this; throws with what it has printed when it ends before. */
  says: (text: string) => Promise<void>
}

const main = join(root, 'dist/cli/main.js')
const patienceMs = 60_000

const look = { name: 'look', description: 'looks around', task_plan: 'true' }
const rest = { name: 'rest', description: 'the rest', task_plan: 'true', depends_on: ['look'] }

const eventually = async (what: string, such: () => Promise<boolean>): Promise<void> => {
  const seen = await until(async () => (await such()) || undefined, { withinMs: patienceMs, everyMs: 50 })
  if (seen === undefined) throw new Error(`waited in vain for ${what}`)
}

export class ExampleWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'writ-help-'))
  readonly data = join(this.folder, 'data')
  readonly #open: Shell[] = []
  readonly #links: Link[] = []
  #staffed: Promise<Link> | null = null
  #insideCount = 0

  constructor() {
    for (const name of ['bin', 'home/.zfunc', 'home/.config/fish/completions'])
      mkdirSync(join(this.folder, name), { recursive: true })
    mkdirSync(join(this.folder, 'home/.local/share/bash-completion/completions'), { recursive: true })
    this.#program('writ', `exec '${process.execPath}' '${main}' "$@"`)
    this.#program('my-agent', 'cat')
  }

  #program(name: string, line: string): void {
    writeFileSync(join(this.folder, 'bin', name), `#!/bin/sh\n${line}\n`)
    chmodSync(join(this.folder, 'bin', name), 0o755)
  }

  /** What a person has who sits in a folder with Writ's examples in it, and with a plan. */
  place(name: string): string {
    const cwd = join(this.folder, name)
    mkdirSync(cwd)
    symlinkSync(join(root, 'examples'), join(cwd, 'examples'))
    writeFileSync(join(cwd, 'plan.json'), JSON.stringify({ steps: [look] }))
    return cwd
  }

  /** Runs a line as a person types it. */
  shell(line: string, { owner, cwd, data = this.data }: { owner?: string; cwd?: string; data?: string } = {}): Shell {
    const child = spawn('bash', ['-c', line], {
      cwd: cwd ?? this.folder,
      env: {
        ...environment(),
        PATH: `${join(this.folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
        HOME: join(this.folder, 'home'),
        WRIT_HOME: data,
        ...(owner === undefined ? {} : { WRIT_OWNER: owner }),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    let printed = ''
    const watchers = new Set<() => void>()
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
        for (const watch of watchers) watch()
      })
    child.stdin.end('by hand')
    const ended = new Promise<number | string>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    })
    const says = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (printed.includes(text)) resolve()
        }
        watchers.add(watch)
        watch()
        void ended.then((code) => reject(new Error(`${line} ended with ${code} before it said ${text}:\n${printed}`)))
      })
    const shell = { process: child, printed: () => printed, ended, says }
    this.#open.push(shell)
    return shell
  }

  /** Ctrl-C. */
  async interrupt({ process: child, ended }: Shell): Promise<number | string> {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGINT')
    return ended
  }

  async link(owner: string): Promise<Link> {
    const written = new Map([
      ['dataDir', [this.data]],
      ['owner', [owner]],
    ])
    const link = await reach(readSettings(written, { env: {}, cwd: this.folder }), () => undefined)
    this.#links.push(link)
    return link
  }

  async create(owner: string, more: Partial<DirectiveInput> = {}): Promise<Link> {
    const link = await this.link(owner)
    const given = { id: 'hello', title: 'Hello', goal: 'Say hello.', evaluate: false, plan: { steps: [look, rest] } }
    const { plan, ...others } = { ...given, ...more }
    await link.api.create({ ...others, ...(plan === undefined ? {} : { plan }) })
    return link
  }

  /** Makes, once, the owner `staffed`, whose daemon does what examples need done. */
  staffed(): Promise<Link> {
    return (this.#staffed ??= this.create('staffed', { id: 'other' }).then(async (link) => {
      await this.daemon('staffed', 'always-here')
      return link
    }))
  }

  /** Runs the line as what a task does, to the end of a directive of its own; `planner`: as its planning. */
  async inside(line: string, role: 'planner' | 'worker', cwd: string): Promise<void> {
    const script = `set -e\ncp '${cwd}/plan.json' .\nwrit contract put plan.json\n${line}\n`
    const worker = { executor: 'shell' }
    const ofRole = {
      planner: { plan: undefined, needs: { worker, planner: { executor: 'command', command: ['sh', '-c', script] } } },
      worker: { plan: { steps: [{ ...look, task_plan: script }] }, needs: { worker } },
    }
    const id = `inside-${++this.#insideCount}`
    await this.staffed()
    const link = await this.create('staffed', { id, ...ofRole[role] })
    await link.api.tell(id, 'start')
    await this.became(link, 'completed', id)
  }

  /** A message to it is parked: one that nobody waits for. */
  async parked(owner: string): Promise<Link> {
    const link = await this.create(owner)
    const settings = readSettings(new Map([['dataDir', [this.data]]]), { env: {}, cwd: this.folder })
    const sql = postgres(databaseUrl(settings), { max: 1 })
    const body = Buffer.from(pack({ type: 'published', noun: 'task', verb: 'done', id: 'nobody', body: {} }))
    await sql`
      insert into writ.parked (message, actor, "from", body, reason, at)
      values (41, ${`${owner}/hello`}, 'stream', ${body}, 'it failed', 0)`
    await sql.end()
    return link
  }

  /** Its step `look` waits for a daemon. */
  async started(owner: string, more: Partial<DirectiveInput> = {}): Promise<Link> {
    const link = await this.create(owner, more)
    await link.api.tell('hello', 'start')
    const first = 'plan' in more && more.plan === undefined ? 'hello__t1' : 'hello__1_0__t1'
    await eventually(`the task ${first}`, async () => (await link.api.tasks({})).lines.some(({ id }) => id === first))
    return link
  }

  /** Its step `look` was done by hand, and has come to this. */
  async done(owner: string, status: 'passed' | 'held', more: object = {}, alone = false): Promise<Link> {
    const plan = { steps: [{ ...look, ...more }, ...(alone ? [] : [rest])] }
    const link = await this.started(owner, { plan })
    await link.api.endTask('hello__1_0__t1', { outcome: 'done' })
    await eventually(
      `${status} of look`,
      async () => (await link.api.directive('hello')).stepList[0]?.status === status,
    )
    return link
  }

  async ended(owner: string, status: 'completed' | 'cancelled'): Promise<Link> {
    const link = await (status === 'completed' ? this.done(owner, 'passed', {}, true) : this.started(owner))
    if (status === 'cancelled') await link.api.tell('hello', 'cancel')
    await this.became(link, status)
    return link
  }

  /** Waits until it has this status. */
  became(link: Link, status: string, id = 'hello'): Promise<void> {
    return eventually(`${status} of ${id}`, async () => (await link.api.glance(id)).status === status)
  }

  async daemon(owner: string, name = 'builder'): Promise<Shell> {
    const daemon = this.shell(`writ daemon run --name ${name}`, { owner })
    await daemon.says('it takes tasks now')
    return daemon
  }

  async close(): Promise<void> {
    for (const link of this.#links) await link.close()
    for (const shell of this.#open.toReversed()) await this.interrupt(shell)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
