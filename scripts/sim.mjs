/**
 * `npm run sim [-- --seeds 20000 --jobs 2 …]`: puts the simulator and the sources that it runs together into one program, and runs
 * that (docs/simulator.md). Its limits are those of test/sim/limits.ts, wherever src asks for its own.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

const simulator = join(root, 'test', 'sim')
const limits = join(simulator, 'limits.ts')

await ready(installed)
mkdirSync(join(root, '.cache'), { recursive: true })
const folder = mkdtempSync(join(root, '.cache', 'sim-'))
try {
  await bundled(folder)
  const program = [...process.execArgv, '--enable-source-maps', join(folder, 'run.js')]
  process.exitCode = await run(process.execPath, [...program, ...process.argv.slice(2)], { cwd: root })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Writes `run.js` and `worker.js` into the folder. */
async function bundled(to) {
  // Only now: before the install there is none.
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: { run: join(simulator, 'run.ts'), worker: join(simulator, 'worker.ts') },
    platform: 'node',
    transform: { target: 'node20' },
    plugins: [
      { name: 'limits', resolveId: (id, from) => (id.endsWith('/limits.ts') && from !== limits ? limits : null) },
    ],
    checks: { pluginTimings: false },
  })
  await bundle.write({ dir: to, format: 'esm', sourcemap: true })
  await bundle.close()
}
