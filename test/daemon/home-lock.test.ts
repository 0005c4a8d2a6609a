/** Two daemons that are started on one home at once: one of them does everything between two steps of the other, at each step. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { openHome } from '../../src/daemon/home.ts'
import { startedAt } from '../../src/daemon/process-group.ts'
import { temporaryFolder } from './support.ts'

const steps = vi.hoisted(() => ({ left: -1, act: (): void => undefined }))

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<Record<string, unknown>>()
  const names = ['readFileSync', 'readdirSync', 'writeFileSync', 'linkSync', 'renameSync', 'rmSync', 'existsSync']
  const stepped =
    (call: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      if (steps.left-- === 0) steps.act()
      return call(...args)
    }
  const replaced = names.map((name) => [name, stepped(real[name] as (...args: unknown[]) => unknown)] as const)
  return { ...real, ...Object.fromEntries(replaced) }
})

/** How it went for both, when the second starts before this step of the first; null when the first had no such step. */
const raceAt = async (root: string, step: number): Promise<string[] | null> => {
  const both: Promise<unknown>[] = []
  steps.act = () => void both.push(openHome(root))
  steps.left = step
  const first = openHome(root)
  steps.left = -1
  if (both.length === 0) return first.then(() => null)
  const settled = await Promise.allSettled([first, ...both])
  return settled.map((one) => (one.status === 'fulfilled' ? 'has it' : String((one.reason as { code: unknown }).code)))
}

const locks: [string, (root: string) => void][] = [
  ['without a lock', () => undefined],
  [
    'with a lock that a crash has left',
    (root) => writeFileSync(join(root, 'lock'), JSON.stringify({ pid: process.pid, started: 'another boot' })),
  ],
  [
    'with one that was taken over and left before',
    (root) => {
      for (const number of [4, 5])
        writeFileSync(join(root, `lock.${number}`), JSON.stringify({ pid: process.pid, started: 'another boot' }))
    },
  ],
  ['with one that cannot be read', (root) => writeFileSync(join(root, 'lock.1'), '')],
]

describe('of two that start at once on a home', () => {
  test.each(locks)('%s exactly one has it', async (_title, prepare) => {
    for (let step = 0; ; step++) {
      const root = temporaryFolder()
      prepare(root)
      const results = await raceAt(root, step)
      if (results === null) return expect(step).toBeGreaterThan(3)
      expect([step, ...results.toSorted()]).toEqual([step, 'LOCKED', 'has it'])
    }
  })
})

test('a home whose lock was released is taken again, and the lock of a version without numbers counts', async () => {
  const root = temporaryFolder()
  for (let start = 0; start < 3; start++) (await openHome(root)).release()
  expect(
    readdirSync(root)
      .filter((name) => name.startsWith('lock'))
      .toSorted(),
  ).toEqual(['lock.2', 'lock.3'])
  const older = temporaryFolder()
  writeFileSync(join(older, 'lock'), JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }))
  await expect(openHome(older)).rejects.toMatchObject({
    code: 'LOCKED',
    message: expect.stringContaining(older) as string,
  })
})
