/** What a person would look at by hand when something does not work: each thing with what was found, and what to do about it. */
import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { promisify } from 'node:util'
import { subjects } from '../bus/subjects.ts'
import { threadStats } from '../bus/thread-stats.ts'
import { temporaryPlace, temporaryText } from '../embedded/cluster-place.ts'
import { compareVersions } from '../embedded/find-program.ts'
import { locateFolder, type Folders } from '../embedded/folders.ts'
import { refuseLostLink } from '../embedded/make-folder.ts'
import { WritError } from '../protocol/errors.ts'
import type { Settings } from './config.ts'
import type { Context } from './context.ts'
import { natsFinding, postgresFinding } from './doctor-servers.ts'
import { asWritError } from './failure.ts'
import { inboxOf } from './inbox.ts'
import { refuseInsideTask } from './inside-task.ts'
import { keptText } from './kept.ts'
import { stateFinding } from './verify-quick.ts'

/** `problem`: directives do not get done. `note`: only some things do not work, or somebody should look. */
export type State = 'ok' | 'note' | 'problem'

export interface Finding {
  what: string
  state: State
  found: string
  /** What would mend it; null when there is nothing to mend. */
  remedy: string | null
}

/** What a look gives: that all is well, or a note. What it throws is a problem, with the hint as its remedy. */
export type Look = string | { note: string; remedy: string | null }

const nodeMin = '20.19'
const answerMs = 5_000

/** Looks at everything, in the order in which things need each other. Throws UNAUTHORIZED inside a task. */
export const examine = async (context: Context): Promise<Finding[]> => {
  const findings = await look(context)
  const reached = new Set(findings.map(({ what }) => what))
  const rest = ['data folder', 'Postgres', 'state', 'NATS', 'node', 'daemons', 'inbox'].filter(
    (what) => !reached.has(what),
  )
  const found = 'not looked at: what it needs is not well'
  return [...findings, ...rest.map((what) => ({ what, state: 'note', found, remedy: null }) as const)]
}

const look = async (context: Context): Promise<Finding[]> => {
  const { env } = context.world
  const findings = [await finding('Node', nodeVersion), await finding('git', () => git(env))]
  const add = async (what: string, seen: () => Promise<Look>): Promise<boolean> => {
    const found = await finding(what, seen)
    findings.push(found)
    return found.state === 'ok'
  }
  if (!(await add('settings', async () => settingsLook(context.settings())))) return findings
  const settings = context.settings()
  refuseInsideTask(settings)
  const folders = locateFolder({ dataDir: settings.dataDir, env })
  await add('retention', async () => keptText(settings))
  await add('data folder', async () => dataFolderLook(folders))
  if (await add('Postgres', () => postgresFinding(settings, folders))) await add('state', () => stateFinding(settings))
  const natsIsWell = await add('NATS', () => natsFinding(settings, folders))
  const nodeIsWell = natsIsWell && (await add('node', () => nodeLook(context)))
  if (!nodeIsWell) return findings
  await add('daemons', () => daemonsLook(context))
  await add('inbox', () => inboxLook(context))
  return findings
}

const finding = async (what: string, seen: () => Promise<Look>): Promise<Finding> => {
  try {
    const found = await seen()
    if (typeof found === 'string') return { what, state: 'ok', found, remedy: null }
    return { what, state: 'note', found: found.note, remedy: found.remedy }
  } catch (error) {
    const { message, hint = null, faults = [] } = asWritError(error)
    return { what, state: 'problem', found: [message, ...faults].join('; '), remedy: hint }
  }
}

const nodeVersion = async (): Promise<Look> => {
  const { node } = process.versions
  if (compareVersions(node, nodeMin) >= 0) return node
  throw new WritError('OLD_SERVER', `Node ${node} is too old`, { hint: `install Node ${nodeMin} or newer` })
}

const git = async (env: Settings['env']): Promise<Look> => {
  try {
    const { stdout } = await promisify(execFile)('git', ['--version'], { env: { PATH: env['PATH'] ?? '' } })
    return stdout.trim().replace(/^git version /, '')
  } catch {
    return {
      note: 'not found',
      remedy: 'install git: a daemon on this machine needs it for directives with a repository',
    }
  }
}

const settingsLook = ({ files, origins, owner }: Settings): Look => {
  const said = [...new Set([...origins.values()].map((origin) => origin.replace(/:\d+:\d+$/, '')))]
  const places = [...new Set([...files, ...said])]
  return `owner ${owner}; ${places.length === 0 ? 'all defaults' : `from ${places.join(', ')}`}`
}

const dataFolderLook = (folders: Folders): Look => {
  const { root } = folders
  refuseLostLink(root)
  const stat = statSync(root, { throwIfNoEntry: false })
  if (stat === undefined) return `${root}, not made yet`
  if (!stat.isDirectory())
    throw new WritError('BAD_INPUT', `${root} is no folder`, { hint: 'name another with --data-dir' })
  try {
    accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const hint = 'make it yours, or name another with --data-dir'
    throw new WritError('REFUSED', `${root} may not be read and written by you`, { hint, cause })
  }
  // Passwords are in it. The private Postgres of root runs as another user, who has to get through.
  if ((stat.mode & 0o066) !== 0)
    throw new WritError('REFUSED', `others may read or write ${root}`, { hint: `chmod 700 ${root}` })
  const place = temporaryPlace(folders)
  if (place === undefined) return root
  return { note: `${root}; its database ${temporaryText(place)}`, remedy: 'bring it to another place: docs/backup.md' }
}

/** Asked once: a node answers at once or not at all. */
const nodeLook = async (context: Context): Promise<Look> => {
  const { bus, owner } = await context.link()
  try {
    await bus.request(subjects.api.at({ owner, noun: 'daemon', verb: 'list' }), { limit: 1 }, answerMs)
    return `answers for the owner ${owner}`
  } catch (cause) {
    if (!(cause instanceof WritError) || !['NO_ANSWER', 'UNREACHABLE'].includes(cause.code)) throw cause
    if ((await threadStats(bus)).length > 0)
      throw new WritError('NO_ANSWER', 'nodes are there, and none answers what it has to read in the database for', {
        hint: 'look whether Postgres answers, and what the logs of the nodes say (`writ node list` shows which there are)',
        cause,
      })
    throw new WritError('NO_ANSWER', 'no node answers on this NATS server', { hint: 'start one with `writ up`', cause })
  }
}

const daemonsLook = async (context: Context): Promise<Look> => {
  const { lines } = await (await context.link()).api.daemons({ limit: 100 })
  const taking = lines.filter(({ draining }) => !draining)
  const slots = taking.reduce((sum, daemon) => sum + daemon.slots, 0)
  if (slots > 0) return `${taking.map(({ name }) => name).join(', ')}: ${slots} ${slots === 1 ? 'slot' : 'slots'}`
  throw new WritError('NOT_FOUND', lines.length === 0 ? 'none is connected' : 'none has a slot or takes new tasks', {
    hint: 'start one with `writ daemon run`, or `writ up --daemon`',
  })
}

const inboxLook = async (context: Context): Promise<Look> => {
  const { lines } = await inboxOf((await context.link()).api)
  const count = (kind: string): number => lines.filter((line) => line.kind === kind).length
  const told = `${count('parked')} parked, ${count('held')} held, ${count('no daemon')} without a daemon for it`
  if (count('parked') > 0)
    throw new WritError('PARKED', told, { hint: 'see `writ parked list`, and `writ inbox` for all of it' })
  return lines.length === 0 ? 'nothing waits for a person' : { note: told, remedy: 'see `writ inbox`' }
}
