/** What a mutation run repeats for each mutant of the machines: their own tests, without walks that only add time. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/machines/**/*.test.ts'],
    exclude: ['**/*.walk.test.ts', '**/*.long.test.ts', 'node_modules/**'],
  },
})
