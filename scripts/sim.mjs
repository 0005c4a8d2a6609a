/**
 * `npm run sim [-- --seeds 20000 --jobs 2 …]`: puts the simulator and the sources that it runs together into one program, and runs
 * that (docs/simulator.md).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'
import { simulators } from './simulator.mjs'

const simulator = join(root, 'test', 'sim')

await ready(installed)
mkdirSync(join(root, '.cache'), { recursive: true })
const folder = mkdtempSync(join(root, '.cache', 'sim-'))
try {
  await simulators({ run: join(simulator, 'run.ts'), worker: join(simulator, 'worker.ts') }, folder)
  const program = [...process.execArgv, '--enable-source-maps', join(folder, 'run.js')]
  process.exitCode = await run(process.execPath, [...program, ...process.argv.slice(2)], { cwd: root })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
