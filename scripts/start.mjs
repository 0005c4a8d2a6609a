/** `npm start [-- --exit|--stay]`: makes the checkout ready and runs the bundled example, as `writ example` would. */
import { join } from 'node:path'
import { built, installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

await ready(installed, built)
const example = [join(root, 'dist/cli/main.js'), 'example', ...process.argv.slice(2)]
process.exitCode = await run(process.execPath, example, { tells: true })
