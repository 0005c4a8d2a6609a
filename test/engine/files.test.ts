/** Files of contracts as they come in: in chunks, whole or not at all. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { contractId, stepId } from '../../src/protocol/ids.ts'
import { fileBytesMax, fileChunkBytes, fileCountMax } from '../../src/protocol/limits.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { planOf, refusal, type World } from '../support/world.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(() => test.stop())

interface Upload {
  put: (offset: number) => Promise<unknown>
  bytes: Buffer
}

const uploadOf = (world: World, contract: string, fill: string, size: number, hash?: string): Upload => {
  const bytes = Buffer.alloc(size, fill)
  const sum = hash ?? createHash('sha256').update(bytes).digest('hex')
  return {
    bytes,
    put: (offset) =>
      world.client.contract(contract).put({
        name: 'f',
        offset,
        total: size,
        data: bytes.subarray(offset, offset + fileChunkBytes).toString('base64'),
        hash: sum,
      }),
  }
}

const started = async (directive?: string): Promise<{ world: World; contract: string }> => {
  const world = await test.world()
  const daemon = await world.daemon('d', { work: () => null })
  const id = await world.start({ ...(directive === undefined ? {} : { id: directive }), plan: planOf({ a: [] }) })
  await daemon.spawned('worker a')
  return { world, contract: contractId(stepId(id, 1, 0), 1) }
}

const read = async (world: World, contract: string): Promise<Buffer> => {
  const pieces: Buffer[] = []
  for (let offset = 0, total = 1; offset < total; offset = Buffer.concat(pieces).length) {
    const answer = (await world.client.contract(contract).file({ name: 'f', offset })) as {
      data: string
      total: number
    }
    total = answer.total
    pieces.push(Buffer.from(answer.data, 'base64'))
  }
  return Buffer.concat(pieces)
}

it('two uploads under one name at once do not mix: the last one that was finished is there whole', async () => {
  const { world, contract } = await started()
  const size = fileChunkBytes + 10
  const [a, b] = [uploadOf(world, contract, 'a', size), uploadOf(world, contract, 'b', size)]
  await a.put(0)
  await b.put(0)
  await a.put(fileChunkBytes)
  expect((await read(world, contract)).equals(a.bytes)).toBe(true)
  await b.put(fileChunkBytes)
  expect((await read(world, contract)).equals(b.bytes)).toBe(true)
})

it('R46: a chunk out of its turn, a content that is not what its hash says and a file that is too large are refused', async () => {
  const { world, contract } = await started()
  const gap = uploadOf(world, contract, 'a', 3 * fileChunkBytes)
  await gap.put(0)
  expect(await refusal(gap.put(2 * fileChunkBytes))).toMatchObject({
    code: 'CONFLICT',
    hint: 'begin again at offset 0',
  })
  const wrong = uploadOf(world, contract, 'a', 10, 'f'.repeat(64))
  expect(await refusal(wrong.put(0))).toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('hash') as string,
  })
  const large = { name: 'f', offset: 0, total: fileBytesMax + 1, data: '' }
  expect((await refusal(world.client.contract(contract).put(large))).message).toContain(String(fileBytesMax))
  expect(await world.client.contract(contract).files()).toEqual({ files: [] })
})

it('R46: a file for a contract that does not exist is refused before any of it is stored', async () => {
  const { world } = await started()
  const unknown = uploadOf(world, contractId(stepId('nobody', 1, 0), 1), 'u', 1000)
  expect(await refusal(unknown.put(0))).toMatchObject({ code: 'NOT_FOUND' })
  const hash = createHash('sha256').update(unknown.bytes).digest('hex')
  expect(await test.engine.host.store.blob(hash)).toBeNull()
})

const namesIn = async (world: World, contract: string): Promise<string[]> =>
  (await world.client.contract(contract).files()).files.map(({ name }) => name)

it('R30: files of two owners whose directives have the same id, put at once under the same names, are all there', async () => {
  const both = [await started('release'), await started('release')]
  const names = Array.from({ length: 60 }, (_, at) => `evaluation-${at}.json`)
  await Promise.all(
    names.flatMap((name) => both.map(({ world, contract }) => world.put(contract, name, `${world.owner} ${name}`))),
  )
  for (const { world, contract } of both) expect((await namesIn(world, contract)).toSorted()).toEqual(names.toSorted())
})

it('a contract has no more files than it may have, however many are put at once; one that it has may be put again', async () => {
  const { world, contract } = await started()
  const answers = await Promise.all(
    Array.from({ length: fileCountMax + 50 }, (_, at) =>
      world.put(contract, `f${at}`, 'a').then(
        () => 'stored',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  )
  expect(answers.filter((answer) => answer === 'stored')).toHaveLength(fileCountMax)
  expect(answers.filter((answer) => answer === 'TOO_LARGE')).toHaveLength(50)
  const [first = ''] = await namesIn(world, contract)
  await world.put(contract, first, 'b')
  expect(await namesIn(world, contract)).toHaveLength(fileCountMax)
})

it('an empty chunk of a file that has content is refused, and an empty file is a file', async () => {
  const { world, contract } = await started()
  const empty = { offset: 0, data: '' }
  expect(await refusal(world.client.contract(contract).put({ name: 'f', total: 3, ...empty }))).toMatchObject({
    code: 'BAD_INPUT',
  })
  await world.client.contract(contract).put({ name: 'nothing', total: 0, ...empty })
  expect(await namesIn(world, contract)).toEqual(['nothing'])
})
