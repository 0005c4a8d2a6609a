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
/**
 * Each world leaves some 30 MB behind. Where these are collected in large parts, and less often, hardly anything of them is
 * still used, and the code of small functions, which goes with the last of them, is not compiled over and over.
 */
const memory = [
  '--max-semi-space-size=32',
  '--min-semi-space-size=32',
  '--initial-old-space-size=256',
  '--no-flush-bytecode',
]

await ready(installed)
mkdirSync(join(root, '.cache'), { recursive: true })
const folder = mkdtempSync(join(root, '.cache', 'sim-'))
try {
  await simulators({ run: join(simulator, 'run.ts'), worker: join(simulator, 'worker.ts') }, folder)
  const program = [...memory, ...process.execArgv, '--enable-source-maps', join(folder, 'run.js')]
  process.exitCode = await run(process.execPath, [...program, ...process.argv.slice(2)], { cwd: root })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
