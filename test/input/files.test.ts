/** Files that leave their folder, contradict themselves or are not where they are looked for: refused, and nothing of them is kept. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf } from '../../src/protocol/ids.ts'
import { fileBytesMax, fileChunkBytes, nameCharsMax } from '../../src/protocol/limits.ts'
import { call } from '../cli/call.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, type World } from '../support/world.ts'
import { othersGoOn, refusedWith, rowsOf } from './healthy.ts'

const contract = 'kept__1_0__c1'
let test: TestEngine
let world: World
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'writ-files-'))
  test = await startTestEngine()
  world = await test.world()
  await world.start({ id: 'kept', plan: planOf({ a: [] }) })
  await world.until('kept', 'step_running')
  await world.put(contract, 'there', 'gold')
})
afterAll(async () => {
  await test.stop()
  rmSync(folder, { recursive: true, force: true })
})

const names: [what: string, name: unknown][] = [
  ['a way out', '../x'],
  ['a way out and in again', 'a/../../x'],
  ['a way that stays inside after all', 'a/../x'],
  ['the folder above', '..'],
  ['the folder itself', '.'],
  ['a step on the spot', 'a/./b'],
  ['an absolute path', '/etc/passwd'],
  ['a path that ends as a folder', 'a/'],
  ['an empty folder', 'a//b'],
  ['nothing', ''],
  ['a path of Windows', '..\\x'],
  ['a drive of Windows', 'C:\\x'],
  ['a NUL', 'a\0b'],
  ['a line break', 'a\nb'],
  ['a colour', '\u001b[31mred'],
  ['a list', ['a']],
  ['201 characters', 'x'.repeat(nameCharsMax + 1)],
]
const chunk = (more: object): object => ({ name: 'f', offset: 0, total: 1, data: 'eA==', ...more })
const put = (body: object): Promise<unknown> => world.client.contract(contract).put(body as never)

describe('R46: a file of a contract', () => {
  it.each(names)('with a name that is %s', async (_what, name) => {
    const says = /not a file's name|name: /
    await refusedWith(test, world.owner, () => put(chunk({ name })), { code: 'BAD_INPUT', says })
  })

  const chunks: [what: string, more: object, code: string, says: RegExp][] = [
    ['a byte too large', { total: fileBytesMax + 1 }, 'BAD_INPUT', /total.*8388608/],
    ['with a size below none', { total: -1 }, 'BAD_INPUT', /total/],
    ['with half a byte', { total: 0.5 }, 'BAD_INPUT', /total/],
    ['from before its beginning', { offset: -1 }, 'BAD_INPUT', /offset/],
    ['that begins in the middle', { offset: 1, total: 2 }, 'CONFLICT', /not the next one\nbegin again at offset 0/],
    ['with more than it says', { total: 0 }, 'CONFLICT', /came with 1 of 0 bytes/],
    ['with a chunk that is too large', { data: 'A'.repeat(1.5 * fileChunkBytes) }, 'BAD_INPUT', /data/],
    ['with what is not base64', { data: '%%%' }, 'BAD_INPUT', /data/],
    ['with bytes as a list', { data: [1, 2] }, 'BAD_INPUT', /data/],
    ['with a hash that is none', { hash: 'abc' }, 'BAD_INPUT', /hash/],
    ['with the hash of another', { hash: '0'.repeat(64) }, 'CONFLICT', /not what its hash says/],
  ]
  it.each(chunks)('%s', (_what, more, code, says) =>
    refusedWith(test, world.owner, () => put(chunk(more)), { code, says }),
  )

  const reads: [what: string, body: object, code: string, says: RegExp][] = [
    ['that is not there', { name: 'nothing' }, 'NOT_FOUND', /has no file "nothing"\nwrit contract files/],
    ['on the way out', { name: '../there' }, 'NOT_FOUND', /has no file/],
    ['of the system', { name: '/etc/passwd' }, 'NOT_FOUND', /has no file/],
    ['with a NUL in it', { name: 'there\0' }, 'NOT_FOUND', /has no file/],
    ['with half of a character', { name: '\uD800' }, 'NOT_FOUND', /has no file/],
    ['from before its beginning', { name: 'there', offset: -1 }, 'BAD_INPUT', /offset/],
    ['from beyond all', { name: 'there', offset: 2 ** 53 }, 'BAD_INPUT', /offset/],
  ]
  it.each(reads)('that is read: one %s', (_what, body, code, says) =>
    refusedWith(test, world.owner, () => world.client.contract(contract).file(body as never), { code, says }),
  )

  it.each(['files', 'file', 'put'] as const)('of a contract that is not there: %s says so', (verb) => {
    const bodies = { files: {}, file: { name: 'there' }, put: chunk({}) }
    const ask = () =>
      test.bus.request(
        `writ.v1.${world.owner}.contract.${addressOf(world.owner, 'kept__1_0__c9')}.${verb}`,
        bodies[verb],
        10_000,
      )
    const says = /^there is no contract kept__1_0__c9/
    return refusedWith(test, world.owner, ask, { code: 'NOT_FOUND', says })
  })

  it('that is read from its end on has nothing more', async () => {
    expect(await world.client.contract(contract).file({ name: 'there', offset: 4 })).toMatchObject({
      data: '',
      total: 4,
    })
  })
})

describe('by the command', () => {
  const writ = (...args: string[]) =>
    call([...args, '--contract', contract], {
      cwd: folder,
      env: { WRIT_NATS_URL: test.natsUrl, WRIT_OWNER: world.owner },
    })
  const lines: [args: string[], code: number, says: RegExp][] = [
    [['put', 'file', '--name', '../x'], 2, /"\.\.\/x" is not a file's name.*\nhint: a relative path/],
    [['put', 'file', '--name', '/x'], 2, /is not a file's name/],
    [['put', 'nothing'], 2, /nothing/],
    [['put', '.'], 2, /\./],
    [['put', 'dangling'], 2, /dangling/],
    [['put', 'large'], 2, /8388608/],
    [['file', 'nothing'], 4, /has no file "nothing"/],
    [['file', '../there'], 4, /has no file/],
    [['file', 'nothing', '--output', 'out'], 4, /has no file/],
  ]
  it.each(lines)('writ contract %j ends with %d, and leaves no file behind', async (args, code, says) => {
    writeFileSync(join(folder, 'file'), 'x')
    writeFileSync(join(folder, 'large'), Buffer.alloc(fileBytesMax + 1))
    rmSync(join(folder, 'dangling'), { force: true })
    symlinkSync('/nowhere', join(folder, 'dangling'))
    const before = [await rowsOf(test, world.owner), readdirSync(folder)]
    const ended = await writ('contract', ...args)
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toMatch(says)
    expect([await rowsOf(test, world.owner), readdirSync(folder)]).toEqual(before)
  })
})

it('R46: after all of these the file that was there is as it was, and another owner’s directive runs to its end', async () => {
  const { data } = (await world.client.contract(contract).file({ name: 'there' })) as { data: string }
  expect(Buffer.from(data, 'base64').toString()).toBe('gold')
  await othersGoOn(test)
})
