/** The long suites: `npm run fuzz`. They run one at a time, for as long as they were asked to. */
import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const hour = 3_600_000
const servers = 'test/support/servers.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 4 * hour,
    hookTimeout: hour,
    globalSetup: existsSync(servers) ? [servers] : [],
  },
})
