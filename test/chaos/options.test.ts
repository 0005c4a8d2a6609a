/** What `npm run chaos` is asked for is looked at before anything is built, and refused in words. */
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { root } from '../support/writ.ts'
import { kinds } from './kinds.ts'
import { asked } from './options.ts'

interface Ran {
  code: number
  out: string
  err: string
}

const chaos = (...args: string[]): Promise<Ran> =>
  new Promise((done) => {
    const child = execFile(process.execPath, ['scripts/chaos.mjs', ...args], { cwd: root }, (_, out, err) =>
      done({ code: child.exitCode ?? -1, out, err }),
    )
  })

test.each([
  [['--bogus'], "unknown option '--bogus'"],
  [['--minutes', 'abc'], 'It is a number above 0, up to 10000.'],
  [['--minutes', '0'], 'It is a number above 0'],
  [['--nodes', '2.5'], 'It is a whole number from 1 to 100.'],
  [['--directives', '-1'], 'It is a whole number from 1 to 1000.'],
  [['--seed'], "option '--seed <seed>' argument missing"],
  [['--only', 'node-kill,foo'], 'There is no foo; there are node-kill, node-stop, '],
  [['disk-full'], 'too many arguments'],
])('%j is refused in words alone', async (args, words) => {
  const { code, out, err } = await chaos(...args)
  expect(err).toContain(words)
  expect(err.trim().split('\n')).toHaveLength(2)
  expect(out).toBe('')
  expect(code).toBe(2)
})

test('--help shows what there is', async () => {
  const { code, out, err } = await chaos('--help')
  expect(out).toMatch(/^Usage: npm run chaos -- \[options\]\n/)
  expect(err).toBe('')
  expect(code).toBe(0)
})

test('what is asked for is what is run', () => {
  const { seed, ...others } = asked([])
  expect(others).toEqual({ minutes: 3, only: kinds, nodes: 3, directives: 10, keep: false, json: false })
  expect(seed).not.toBe(asked([]).seed)
  const all = ['--minutes', '0.5', '--seed=7', '--only', 'nats-kill,disk-full,nats-kill', '--nodes', '2', '--keep']
  expect(asked([...all, '--directives=1', '--json'])).toEqual({
    minutes: 0.5,
    seed: 7,
    only: ['nats-kill', 'disk-full'],
    nodes: 2,
    directives: 1,
    keep: true,
    json: true,
  })
})
