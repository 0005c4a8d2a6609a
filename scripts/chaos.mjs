/** `npm run chaos [-- arguments]`: looks at the arguments, builds `writ`, compiles what mistreats it, and runs test/chaos/run.ts. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { loaded } from './loaded.mjs'
import { built, compiled, installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

const folder = join(root, '.cache', 'chaos')
await ready(installed)
const { asked } = await loaded('test/chaos/options.ts')
// Ends here when they are wrong: a build takes a while.
asked(process.argv.slice(2))
await ready(built, () => compiled('tsconfig.chaos.json', folder, ['src', 'test/chaos']))
copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
process.exitCode = await run(process.execPath, [join(folder, 'test/chaos/run.js'), ...process.argv.slice(2)], {
  cwd: root,
})
