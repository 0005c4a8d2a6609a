/**
 * Programs of the simulator, with the sources that it runs. Their limits are those of test/sim/limits.ts, wherever src asks for its own,
 * and the machines that turns move are those of test/sim/faulty-machines.ts.
 */
import { join } from 'node:path'
import { root } from './ready.mjs'

const limits = join(root, 'test', 'sim', 'limits.ts')
const machines = join(root, 'test', 'sim', 'faulty-machines.ts')
const turn = join(root, 'src', 'actors', 'turn.ts')
const ofSimulator = {
  name: 'simulated',
  resolveId: (id, from) => {
    if (id.endsWith('/limits.ts') && from !== limits) return limits
    return id.endsWith('/machines/advance.ts') && from === turn ? machines : null
  },
}

/** Writes a file for each of `input`, by their names, into `folder`; `plugins` come after that of what is replaced. */
export async function simulators(input, folder, plugins = []) {
  // Only now: before the install there is none.
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input,
    platform: 'node',
    transform: { target: 'node20' },
    plugins: [ofSimulator, ...plugins],
    checks: { pluginTimings: false },
  })
  await bundle.write({ dir: folder, format: 'esm', sourcemap: true })
  await bundle.close()
}
