/** A module in TypeScript that a script needs before anything is built: what reads its arguments. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './ready.mjs'

/** What the file of this checkout exports. The packages have to be installed. */
export async function loaded(file) {
  const { rolldown } = await import('rolldown')
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache', 'loaded-'))
  try {
    const bundle = await rolldown({
      input: { module: join(root, file) },
      external: 'commander',
      platform: 'node',
      transform: { target: 'node20' },
      checks: { pluginTimings: false },
    })
    await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs' })
    await bundle.close()
    return await import(pathToFileURL(join(folder, 'module.mjs')).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
