/** What the command says about itself, and to calls that it does not understand. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, expect, test } from 'vitest'
import { groups } from '../../src/cli/program.ts'
import { call } from './call.ts'

const home = mkdtempSync(join(tmpdir(), 'writ-cli-'))
afterAll(() => rmSync(home, { recursive: true }))

const paths = async (): Promise<string[][]> => {
  const lists = groups.map(async ({ name, load }) => {
    const group = new Command(name)
    const declare = await load()
    declare(group, () => {
      throw new Error('help needs no context')
    })
    return group.commands.length === 0 ? [[name]] : group.commands.map((command) => [name, command.name()])
  })
  return (await Promise.all(lists)).flat()
}

test('every verb has help, with an example of itself', async () => {
  for (const path of await paths()) {
    const { code, out, err } = await call([...path, '--help'])
    expect({ path, code, err }).toEqual({ path, code: 0, err: '' })
    expect(out).toContain(`\nExamples:\n  $ writ ${path.join(' ')}`)
    expect(out).toContain('Global Options:')
  }
})

test('the help of the whole names every group but the hidden one, and the exit codes', async () => {
  const { code, out } = await call(['--help'])
  expect(code).toBe(0)
  for (const { name, hidden = false } of groups) expect(out.includes(`\n  ${name} `)).toBe(!hidden)
  expect(out).toContain('5 directive failed')
})

test('`writ help x y` is `writ x y --help`', async () => {
  expect(await call(['help', 'step', 'reject'])).toEqual(await call(['step', 'reject', '--help']))
})

test('no command at all shows the help and is a mistake of usage', async () => {
  for (const args of [[], ['directive']]) {
    const { code, out, err } = await call(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: writ')
  }
})

test('a mistake of usage names what is wrong and what would be right, and ends with 2', async () => {
  const mistakes: [args: string[], said: RegExp][] = [
    [['directive', 'lst'], /unknown command 'lst' \[BAD_INPUT\]\nhint: did you mean list\?/],
    [['directive', 'list', '--limits', '3'], /unknown option '--limits'/],
    [['directive', 'list', '--limit', '0'], /whole number from 1 to 500/],
    [['directive', 'wait', 'x', '--timeout', 'soon'], /"soon" is not a span of time; write it as in 90s, 10m or 1h30m/],
    [['directive', 'start'], /missing required argument 'directive'/],
    [['directive', 'show'], /which directive\?.*\nhint: outside of a task name it/],
    [['directive', 'show', 'a b'], /"a b" does not name a directive/],
    [['directive', 'show', 'a', 'b'], /too many arguments/],
    [['directive', 'plan', '--file', 'package.json'], /which directive is the plan for\?/],
    [['step', 'show', 'hello'], /"hello" does not name a step/],
    [['task', 'done', 'hello'], /"hello" does not name a task/],
    [['contract', 'files'], /which contract\?/],
    [['daemon', 'run', '--label', 'gpu'], /key=value/],
    [['up', '--database-url', 'http://x'], /postgres:\/\/user:password@host:port/],
    [['down', '--wipe'], /there is no terminal to ask on \[BAD_INPUT\]\nhint: add --yes/],
  ]
  for (const [args, said] of mistakes) {
    const { code, out, err } = await call(args, { env: { WRIT_HOME: home } })
    expect({ args, code, out }).toEqual({ args, code: 2, out: '' })
    expect(err).toMatch(said)
    expect(err).toMatch(/^error: /)
  }
})

test('with --json a mistake is one JSON value on standard output', async () => {
  const { code, out, err } = await call(['directive', 'lst', '--json'])
  expect({ code, err }).toEqual({ code: 2, err: '' })
  expect(JSON.parse(out)).toEqual({
    error: { code: 'BAD_INPUT', message: "unknown command 'lst'", hint: 'did you mean list?' },
  })
})

test('all bad settings are told at once, and no password with them', async () => {
  const env = { WRIT_NATS_URL: 'http://me:geheim@x', WRIT_DATABASE_URL: 'mysql://me:geheim@x', WRIT_OWNER: 'sys' }
  const { code, err } = await call(['directive', 'list'], { env })
  expect(code).toBe(2)
  expect(err).toMatch(/3 settings are not usable \[BAD_INPUT\]/)
  for (const name of Object.keys(env)) expect(err).toContain(`- ${name}: `)
  expect(err).not.toContain('geheim')
})
