/** What a shell is offered at a Tab. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { groups } from '../../src/cli/program.ts'
import { call, FakeNode } from './call.ts'
import { directiveView, parkedLine } from './views.ts'

const offered = async (words: string[], node?: FakeNode): Promise<string[]> => {
  const { code, out, err } = await call(['complete', '--', ...words], {
    ...(node === undefined ? { env: { WRIT_HOME: '/nowhere/writ' } } : { node }),
  })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.split('\n').flatMap((line) => line.split('\t').slice(0, 1).filter(Boolean))
}

test('every group and every verb of it is offered, but for the hidden ones', async () => {
  expect(await offered([''])).toEqual(groups.filter(({ hidden }) => hidden !== true).map(({ name }) => name))
  for (const { name, load } of groups) {
    const group = new Command(name)
    const declare = await load()
    declare(group, () => expect.unreachable())
    if (group.commands.length > 0)
      expect(await offered([name, ''])).toEqual(group.commands.map((command) => command.name()))
  }
})

test('what was typed narrows it down; what there is of it is told', async () => {
  expect(await offered(['directive', 're'])).toEqual(['resume', 'retry'])
  expect(await offered(['comp'])).toEqual(['completion'])
  const { out } = await call(['complete', '--', 'directive', 'resu'])
  expect(out).toBe('resume\tGo on with what is ready\n')
})

test('options are those of the command and those of all', async () => {
  const options = await offered(['directive', 'list', '--'])
  expect(options).toEqual(expect.arrayContaining(['--since', '--state', '--limit', '--owner', '--json']))
  expect(options).not.toContain('--slots')
  expect(await offered(['daemon', 'run', '--sl'])).toEqual(['--slots'])
})

test('the value of an option is not taken for a command or an argument', async () => {
  expect(await offered(['--owner', 'directive', 'directive', 'sho'])).toEqual(['show'])
  expect(await offered(['--owner', ''])).toEqual([])
})

test('an argument of few values is completed with them', async () => {
  expect(await offered(['completion', ''])).toEqual(['bash', 'zsh', 'fish'])
})

test('ids of directives and of open tasks are offered when a node answers', async () => {
  const node = new FakeNode({
    'directive.list': () => ({ lines: [directiveView('hello'), directiveView('ledger')], next: null }),
    'task.list': () => ({ lines: [{ id: 'hello__t1', name: 'plan it' }], next: null }),
  })
  expect(await offered(['directive', 'show', ''], node)).toEqual(['hello', 'ledger'])
  expect(await offered(['directive', 'show', 'l'], node)).toEqual(['ledger'])
  expect(await offered(['directive', 'evaluate', 'hello', ''], node)).toEqual([])
  expect(await offered(['task', 'show', ''], node)).toEqual(['hello__t1'])
  expect(node.asked.at(-1)?.body).toMatchObject({ state: 'open' })
})

test('what is parked is offered by its id, with what it is', async () => {
  const actor = parkedLine('hello', { id: 'hello__1_0', kind: 'step', type: null, reason: 'a fault' })
  const node = new FakeNode({ 'parked.list': () => ({ lines: [parkedLine('hello'), actor], next: null }) })
  expect(await offered(['parked', 'show', ''], node)).toEqual(['hello__m41', 'hello__1_0'])
  expect(await offered(['parked', 'drop', 'hello__m'], node)).toEqual(['hello__m41'])
})

test('without a node, and in the place of a file, nothing is offered: the shell offers files', async () => {
  expect(await offered(['directive', 'show', ''])).toEqual([])
  expect(await offered(['run', ''])).toEqual([])
})
