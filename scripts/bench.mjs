/** `npm run bench [-- [inspection|handover] arguments]`: compiles `src` and `bench` together, so that nothing but Node is measured, and runs bench/run.ts, or the one that is named. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { compiled, installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

const folder = join(root, '.cache', 'bench')
await ready(installed, () => compiled('tsconfig.bench.json', folder, ['src', 'bench']))
copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
const [first, ...more] = process.argv.slice(2)
const others = ['inspection', 'handover']
const [file, args] = others.includes(first) ? [`${first}.js`, more] : ['run.js', process.argv.slice(2)]
process.exitCode = await run(process.execPath, [join(folder, 'bench', file), ...args])
