/**
 * What `npm start` does: servers, node and a daemon on a data folder of its own, a fresh copy of the example's repository,
 * the directive run to its end with live progress, and at the end a summary that says only what was looked at.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folderToServe, type FolderChoice } from '../embedded/folders.ts'
import type { DirectiveView, StepView } from '../protocol/views.ts'
import { banner } from './banner.ts'
import type { Context } from './context.ts'
import { readDirectiveFile } from './directive-file.ts'
import { follow } from './follow.ts'
import { refuseInsideTask } from './inside-task.ts'
import { exitOf } from './outcome.ts'
import { repositoriesFolder } from './own-folders.ts'
import { progress } from './progress.ts'
import { linkTo } from './reach.ts'
import { begin } from './run-command.ts'
import { makeRepository } from './setup-script.ts'
import { aborted } from './signals.ts'
import { summary } from './summary.ts'
import { testMerged } from './test-merged.ts'
import { upOptions, whileUp } from './up-command.ts'
import type { Running } from './up.ts'

export interface ExampleFlags {
  exit?: boolean
  stay?: boolean
}

const slots = 3

/** Ends with the directive's exit code; on a terminal, or with `--stay`, only once it is interrupted. */
export const runExample = async (context: Context, flags: ExampleFlags): Promise<void> => {
  const { terminal, world } = context
  const folders = folderToServe(exampleData(context))
  const stay = flags.exit !== true && (flags.stay === true || world.interactive)
  const options = { ...upOptions(context), folders, daemon: { ...context.settings().daemon, name: 'local', slots } }
  terminal.say('Starting Postgres, NATS, a node and a daemon …')
  await whileUp(context, options, async (running, signal) => {
    const shownFlags = ` --data-dir ${running.data}`
    for (const line of banner(running, { ephemeral: false, flags: shownFlags, paint: terminal.paintErr }).slice(0, -2))
      terminal.say(line)
    const began = world.now()
    const { view, steps, repository } = await runLedger(context, running, signal)
    const tests = view.status === 'completed' ? await testMerged(repository, `writ/${view.id}/line`, world.env) : null
    const told = { view, steps, repository, tests, tookMs: world.now() - began, flags: shownFlags, stay }
    if (context.json) terminal.json({ directive: view, repository, tests })
    else for (const line of summary(told, terminal.paint)) terminal.print(line)
    context.end(tests?.passed === false ? 1 : (exitOf(view.status) ?? 1))
    if (stay) await aborted(signal)
  })
}

/** `--data-dir`, else a folder `example` of its own beside the user's other data. */
const exampleData = (context: Context): FolderChoice => {
  const settings = context.settings()
  refuseInsideTask(settings)
  const { dataDir, env } = settings
  if (dataDir === undefined) return { instance: 'example', env }
  return { dataDir: context.written.has('dataDir') ? dataDir : join(dataDir, 'example'), env }
}

/** Runs the directive of examples/ledger on a repository that is made for this run. */
const runLedger = async (
  context: Context,
  { nats, data }: Running,
  signal: AbortSignal,
): Promise<{ view: DirectiveView; steps: StepView[]; repository: string }> => {
  const { terminal } = context
  const folder = fileURLToPath(new URL('../../examples/ledger', import.meta.url))
  const id = `ledger-${randomBytes(4).toString('hex')}`
  const repository = join(data, repositoriesFolder, id)
  await makeRepository(join(folder, 'setup.mjs'), repository)
  const { input } = await readDirectiveFile(join(folder, 'directive.yaml'), context.world.cwd)
  terminal.say('')
  terminal.say(
    `${terminal.paintErr.bold(input.title)}  (examples/ledger/directive.yaml; planner and workers are scripts)`,
  )
  terminal.say(`The repository, made for this run: ${repository}`)
  terminal.say('')
  const link = await linkTo(nats, context.settings())
  try {
    await begin(link, { ...input, id, repository })
    const view = await follow(link, id, { ...progress(context), signal })
    const steps = await Promise.all(view.stepList.map((step) => link.api.step(step.id)))
    return { view, steps, repository }
  } finally {
    await link.close()
  }
}
