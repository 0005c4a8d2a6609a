/** The short suites: everything that `npm test` runs. Long ones (`*.long.test.ts`) have a configuration of their own. */
import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

const second = 1000
const servers = 'test/support/servers.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/*.long.test.ts', 'node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30 * second,
    hookTimeout: 60 * second,
    globalSetup: existsSync(servers) ? [servers] : [],
  },
})
