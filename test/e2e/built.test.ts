/** What `npm run build` leaves in `dist`, beside programs that run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../support/writ.ts'

const dist = join(root, 'dist')
const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js.map'))
const sourcesOf = (map: string): string[] => {
  const { sources } = JSON.parse(readFileSync(join(dist, map), 'utf8')) as { sources: string[] }
  return sources.map((source) => resolve(dirname(join(dist, map)), source))
}

it('source maps lead to the sources, so that a stack names files that are there', () => {
  expect(maps.length).toBeGreaterThan(100)
  expect(maps.flatMap(sourcesOf).filter((source) => !existsSync(source))).toEqual([])
})

it('each package that is part of the build is named with its licence', () => {
  const told = readFileSync(join(dist, 'vendor/LICENSES.txt'), 'utf8')
  const packages = maps
    .flatMap(sourcesOf)
    .flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? [])
  expect(packages).toContain('zod')
  for (const name of new Set(packages)) expect(told).toMatch(new RegExp(`^${name} \\d.* \\(`, 'm'))
  expect(told).toContain('Apache License')
})
