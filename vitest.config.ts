/** The short suites: everything that `npm test` runs. Long ones (`*.long.test.ts`) have a configuration of their own. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

const second = 1000
const servers = 'test/support/servers.ts'
/** Suites that change what is common to a process (its environment, its modules) need one of their own. */
const apart = ['test/daemon/**', 'test/e2e/**', ...mocking()]
const all = 'test/**/*.test.ts'
const long = '**/*.long.test.ts'
const common = {
  pool: 'forks' as const,
  // Suites wait for processes and servers a third of their time: two cores have work for three.
  maxWorkers: 3,
  testTimeout: 30 * second,
  hookTimeout: 60 * second,
}

export default defineConfig({
  test: {
    include: [all],
    maxWorkers: common.maxWorkers,
    sequence: { sequencer: LongestFirst },
    globalSetup: existsSync(servers) ? [servers] : [],
    projects: [
      { test: { ...common, name: 'apart', include: apart.map(suites), exclude: [long] } },
      {
        // The modules are loaded once for all of them, which saves a quarter of the time.
        test: {
          ...common,
          name: 'together',
          isolate: false,
          include: [all],
          exclude: [long, ...apart],
        },
      },
    ],
  },
})

function suites(pattern: string): string {
  return pattern.endsWith('**') ? `${pattern}/*.test.ts` : pattern
}

function mocking(): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && readFileSync(join('test', file), 'utf8').includes('vi.mock('))
    .map((file) => `test/${file.replaceAll('\\', '/')}`)
}
