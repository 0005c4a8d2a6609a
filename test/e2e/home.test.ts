/** What a node on a data folder takes over from its predecessor there, and from nobody else. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, expect, it } from 'vitest'
import { shardCount } from '../../src/protocol/limits.ts'
import { type Started, startWrit, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-home-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Held {
  homes: string[]
  /** Nodes with a lease. */
  nodes: number
  shards: number
}

/** Whose the threads with a lease are and how many shards they hold, at this moment. */
const held = async (data: string): Promise<Held> => {
  const { database } = JSON.parse(readFileSync(join(data, 'run/endpoints.json'), 'utf8')) as { database: string }
  const sql = postgres(database, { max: 1, onnotice: () => undefined })
  try {
    const threads = await sql<{ home: string }[]>`select distinct home from writ.threads where home is not null`
    const [row] = await sql<{ shards: number; nodes: number }[]>`
      select count(*)::int as shards, count(distinct t.node)::int as nodes
      from writ.shards s join writ.threads t using (thread, nonce)`
    return { homes: threads.map(({ home }) => home), nodes: row?.nodes ?? 0, shards: row?.shards ?? 0 }
  } finally {
    await sql.end()
  }
}

const up = async (data: string, threads: number): Promise<Started> => {
  const started = startWrit('up', '--data-dir', data, '--threads', `${threads}`)
  await started.says('Ctrl-C')
  return started
}

const end = async ({ process, ended }: Started): Promise<void> => {
  process.kill('SIGTERM')
  await ended
}

it('a node that is started again with fewer threads takes over from all of its predecessor at once', async () => {
  const data = join(folder, 'fewer')
  const all = { nodes: 1, shards: shardCount }
  const first = await up(data, 3)
  await expect.poll(() => held(data), { timeout: 10_000 }).toMatchObject(all)
  first.process.kill('SIGKILL')
  await first.ended
  const second = await up(data, 1)
  expect((await held(data)).nodes).toBe(1)
  await expect.poll(() => held(data), { timeout: 10_000 }).toMatchObject(all)
  await end(second)
  await writ('down', '--data-dir', data)
}, 120_000)

it('a data folder is known by what it is, wherever it lies, and not by its path', async () => {
  const [here, there] = [join(folder, 'here'), join(folder, 'there')]
  const homeAt = async (data: string): Promise<string[]> => {
    const started = await up(data, 1)
    const { homes } = await held(data)
    await end(started)
    await writ('down', '--data-dir', data)
    return homes
  }
  const first = await homeAt(here)
  expect(first).toHaveLength(1)
  renameSync(here, there)
  expect(await homeAt(there)).toEqual(first)
  expect(await homeAt(here)).not.toEqual(first)
}, 120_000)
