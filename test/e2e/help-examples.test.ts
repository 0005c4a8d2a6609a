/** Every example in the command's help runs as it is printed, in a world where what it names is there. */
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prefix } from '../../src/bus/subjects.ts'
import { groups } from '../../src/cli/program.ts'
import { call } from '../cli/call.ts'
import { ExampleWorld, type Shell } from '../support/example-world.ts'

let world: ExampleWorld
let up: Shell
beforeAll(async () => {
  world = new ExampleWorld()
  up = world.shell('writ up --threads 1')
  await up.says('Ctrl-C')
}, 60_000)
afterAll(() => world.close(), 60_000)

interface Prepared {
  /** Makes what the example is about. What it returns is ended after the example. */
  before?: (owner: string) => Promise<unknown>
  /** What it waits for, made again and again: it may not listen yet. */
  meanwhile?: (owner: string) => Promise<unknown>
  /** It goes on until Ctrl-C, and says this once it does what it is for. */
  serves?: string
  /** The owner, when the example names one by itself. */
  owner?: string
  /** On another data folder, on which nothing runs. */
  elsewhere?: true
  /** As a task of a directive, by its daemon. */
  inside?: 'worker' | 'planner'
}

const held = (owner: string) => world.done(owner, 'held', { requires_approval: true })
const started = (owner: string) => world.started(owner)
const parked = (owner: string) => world.parked(owner)
const finished = (owner: string) => world.ended(owner, 'completed')
const withDaemon = async (owner: string) => {
  await world.create(owner, { id: 'other' })
  return world.daemon(owner)
}
const staffed = { owner: 'staffed', before: () => world.staffed() }
let printed: Promise<void> | null = null
const workedByShell = async () => {
  await world.staffed()
  const link = await world.started('staffed', { needs: { worker: { executor: 'shell' } } })
  await world.became(link, 'completed')
}
const withFile = async (owner: string) => {
  const link = await world.started(owner)
  const data = Buffer.from('{}').toString('base64')
  await link.api.contract('hello__1_0__c1').put({ name: 'plan.json', offset: 0, total: 2, data })
}
/** Examples with whole subjects are about the owner `default`, and one directive. */
let theOne: ReturnType<typeof started> | null = null
const ofDefault = () => (theOne ??= started('default'))
const tellTwice = async ({ api }: Awaited<ReturnType<typeof started>>) => {
  await api.tell('hello', 'pause')
  await api.tell('hello', 'resume')
}
const somethingHappens = async () => tellTwice(await ofDefault())

/** What each example needs, by how its line begins, the longest beginning first. The others need nothing but the node. */
const prepared: Record<string, Prepared> = {
  'writ up': { serves: 'Ctrl-C to stop', elsewhere: true },
  'writ up --join': { serves: '(joined)' },
  'writ up --json --ephemeral': { serves: '"pid":', elsewhere: true },
  'writ down': { elsewhere: true },
  'writ run examples/hello': staffed,
  'writ directive start hello': { before: (owner) => world.create(owner) },
  'writ directive plan hello': { before: (owner) => world.started(owner, { plan: undefined }) },
  'writ directive plan --file': { inside: 'planner' },
  'writ directive show': { before: started },
  'writ directive mend': { before: started },
  'writ directive delete': { before: finished },
  'writ directive pause': { before: started },
  'writ directive resume': { before: async (owner) => (await world.started(owner)).api.tell('hello', 'pause') },
  'writ directive cancel': { before: started },
  'writ directive retry': { before: (owner) => world.ended(owner, 'cancelled') },
  'writ directive evaluate': { before: (owner) => world.done(owner, 'passed') },
  'writ directive events': { before: finished },
  'writ directive events --follow': {
    before: started,
    serves: 'hello\t',
    meanwhile: async (owner) => tellTwice(await world.link(owner)),
  },
  'writ directive watch': { before: finished },
  'writ directive wait': { before: finished },
  'writ inspect': { before: finished },
  'writ waiting': { before: started },
  'writ parked list --directive': { before: started },
  'writ parked show': { before: parked },
  'writ parked retry': { before: parked },
  'writ parked drop': { before: parked },
  'writ step show': { before: started },
  'writ step evaluate': { before: (owner) => world.done(owner, 'passed') },
  'writ step': { before: held },
  'writ task show': { before: started },
  'writ task done': { before: started },
  'writ task fail': { before: started },
  'writ task output': { ...staffed, before: () => (printed ??= workedByShell()) },
  'writ contract files': { inside: 'worker' },
  'writ contract files --contract': { before: started },
  'writ contract file plan.json': { inside: 'worker' },
  'writ contract file plan.json --output': { before: withFile },
  'writ contract put plan.json': { inside: 'worker' },
  'writ contract put -': { before: started },
  'writ contract complete': { inside: 'worker' },
  'writ contract complete --contract': { before: started },
  'writ daemon run': { before: (owner) => world.create(owner), serves: 'it takes tasks now' },
  'writ daemon drain': { before: withDaemon },
  'writ creds revoke': { before: () => world.shell('writ creds create --owner team --daemon builder').ended },
  'writ actor': { before: started },
  'writ actor show registry': { before: withDaemon },
  'writ doctor': staffed,
  'writ verify --directive': { before: started },
  'writ nats': { owner: 'default', before: ofDefault },
  [`writ nats sub '${prefix}`]: {
    owner: 'default',
    before: ofDefault,
    serves: 'Received',
    meanwhile: somethingHappens,
  },
  'writ nats sub --raw --count 1': { owner: 'default', before: ofDefault, meanwhile: somethingHappens },
}

const beginnings = Object.keys(prepared).toSorted((a, b) => b.length - a.length)
const beginningOf = (line: string): string | undefined => beginnings.find((beginning) => line.startsWith(beginning))

/** Those of every command and verb; `writ example` is what `npm start` runs. */
const helps = async (): Promise<string[][]> => {
  const shown = groups.filter(({ name }) => name !== 'example')
  const paths = shown.map(async ({ name, load }) => {
    const group = new Command(name)
    const declare = await load()
    declare(group, () => expect.unreachable())
    return [[name], ...group.commands.map((command) => [name, command.name()])]
  })
  return [[], ...(await Promise.all(paths)).flat()]
}

const examples = async (): Promise<string[]> => {
  const texts = await Promise.all((await helps()).map((path) => call([...path, '--help'])))
  const lines = texts.flatMap(({ out }) => [...out.matchAll(/^ {2}\$ (.+)$/gm)].map(([, line = '']) => line))
  return [...new Set(lines)]
}

const lines = await examples()

test('there are examples, and everything that is prepared is for one of them', () => {
  expect(lines.length).toBeGreaterThan(60)
  const used = new Set(lines.map(beginningOf))
  expect(beginnings.filter((beginning) => !used.has(beginning))).toEqual([])
})

test('the script for bash completes at a Tab what the command offers, and options with their dashes', async () => {
  const tab = (words: string): string =>
    `source <(writ completion bash); COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _writ; echo "\${COMPREPLY[@]}"`
  for (const [words, offered] of [
    ['writ directive sh', 'show\n'],
    ['writ daemon run --sl', '--slots\n'],
    ["writ completion ''", 'bash zsh fish\n'],
  ] as const) {
    const shell = world.shell(tab(words))
    expect(await shell.ended).toBe(0)
    expect(shell.printed()).toBe(offered)
  }
})

test.each(lines.map((line, index) => ({ line, index })))('$line', { timeout: 120_000 }, async ({ line, index }) => {
  const needs: Prepared = prepared[beginningOf(line) ?? ''] ?? {}
  const owner = needs.owner ?? `o${index}`
  const cwd = world.place(`place-${index}`)
  if (needs.inside !== undefined) return world.inside(line, needs.inside, cwd)
  const around = await needs.before?.(owner)
  const data = needs.elsewhere === true ? join(world.folder, 'elsewhere') : world.data
  const shell = world.shell(line, { owner, cwd, data })
  let over = false
  void shell.ended.then(() => (over = true))
  const done = (): boolean => over || (needs.serves !== undefined && shell.printed().includes(needs.serves))
  await expect
    .poll(
      async () => {
        if (!done()) await needs.meanwhile?.(owner)
        return done()
      },
      { timeout: 90_000, message: line },
    )
    .toBe(true)
  if (needs.serves !== undefined) expect(shell.printed()).toContain(needs.serves)
  const code = needs.serves === undefined ? await shell.ended : await world.interrupt(shell)
  expect({ code, printed: shell.printed() }).toEqual({
    code: needs.serves === undefined ? 0 : expect.toBeOneOf([0, 130]),
    printed: shell.printed(),
  })
  if (isShell(around)) await world.interrupt(around)
})

const isShell = (around: unknown): around is Shell =>
  typeof around === 'object' && around !== null && 'process' in around && 'printed' in around
