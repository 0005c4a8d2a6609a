/**
 * `npm run fuzz [-- --count=9 …]`: one long suite from `test/<suite>`. An option `--some-name=v`
 * reaches it as the variable `WRIT_<SUITE>_SOME_NAME`; anything else goes to vitest.
 */
import { join } from 'node:path'
import { built, installed, ready, root } from './ready.mjs'
import { run } from './run.mjs'

const [suite, ...rest] = process.argv.slice(2)
const option = /^--([a-z][a-z-]*)=(.*)$/
const env = { ...process.env }
for (const [, name, value] of rest.map((arg) => option.exec(arg)).filter(Boolean)) {
  env[`WRIT_${suite}_${name}`.toUpperCase().replaceAll('-', '_')] = value
}
await ready(installed, built)
const vitest = [
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--config',
  'vitest.long.config.ts',
  `test/${suite}/`,
]
process.exitCode = await run(process.execPath, [...vitest, ...rest.filter((arg) => !option.test(arg))], {
  cwd: root,
  env,
})
