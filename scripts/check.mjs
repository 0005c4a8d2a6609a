/** `npm run check`: format, lint, types and unused code, each to its end. The last line is `check: N passed, N failed`. */
import { join } from 'node:path'
import { installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

const stages = {
  format: ['oxfmt', '--check'],
  lint: ['oxlint'],
  types: ['tsc', '--noEmit'],
  unused: ['knip'],
}

await ready(installed)
const failed = []
for (const [name, [command, ...args]] of Object.entries(stages)) {
  console.log(`\n${name}: ${[command, ...args].join(' ')}`)
  const code = await run(join(root, 'node_modules/.bin', command), args, { cwd: root })
  if (code !== 0) failed.push(name)
}
if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}. 'npm run format' mends the format.`)
console.log(`check: ${Object.keys(stages).length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
