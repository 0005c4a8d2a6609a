import { expect, it } from 'vitest'
import { killOnce, mergesOfOnce } from './kill-run.ts'

it('a directive survives kill -9 of the whole node and its daemon, and no work is in the repository twice', async () => {
  const { exit, merges, testsPass, verified, log } = await killOnce(4000)
  expect(exit, log).toBe(0)
  expect(merges).toEqual(mergesOfOnce)
  expect(testsPass).toBe(true)
  expect(verified.exit, verified.printed).toBe(0)
}, 120_000)
