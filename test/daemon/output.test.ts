import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { lineReader } from '../../src/daemon/lines.ts'
import { openOutputLog } from '../../src/daemon/output-log.ts'
import type { OutputLines } from '../../src/protocol/commands.ts'
import { outputLines } from '../../src/protocol/commands.ts'
import type { Node } from './support.ts'
import { openNode, spawnOf, startDaemon, temporaryFolder, until } from './support.ts'

const published = (node: Node, task: string): OutputLines[] =>
  node.bus.published
    .filter(({ subject }) => subject === subjects.output.at({ owner: 'default', task }))
    .map(({ body }) => outputLines.parse(body))

describe('output', () => {
  test('is published live by stream, while the task still runs, and kept in its log', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: 'echo one; echo two >&2; echo three; sleep 1000' } }))
    await until(() => published(node, 't1').length >= 2)
    expect(published(node, 't1').toSorted((a, b) => a.stream.localeCompare(b.stream))).toEqual([
      { attempt: 1, stream: 'stderr', text: 'two' },
      { attempt: 1, stream: 'stdout', text: 'one\nthree' },
    ])
    await node.order('cancel', { task: 't1', attempt: 1, nonce: 'nonce-t1' })
    await node.outcome('t1')
    expect(
      readFileSync(join(home, 'logs', 't1-1.log'), 'utf8')
        .split('\n')
        .toSorted(),
    ).toEqual(['', 'one', 'three', 'two'])
  })

  test('that floods is capped in the log, thinned out live, and the daemon goes on beating', async () => {
    const node = openNode()
    const { home } = await startDaemon(node)
    await node.order(
      'spawn',
      spawnOf('t1', { task: { plan: 'yes "a line of some length, over and over" | head -c 20000000; echo the end' } }),
    )
    await node.order('spawn', spawnOf('t2', { task: { plan: 'echo quick' } }))
    const beats = node.beats.length
    expect((await node.outcome('t1')).body['result']).toMatch(/the end$/)
    expect(node.beats.length).toBeGreaterThan(beats)
    const { size } = statSync(join(home, 'logs', 't1-1.log'))
    expect(size).toBeGreaterThan(5 * 1024 * 1024)
    expect(size).toBeLessThan(10 * 1024 * 1024 + 100)
    expect(readFileSync(join(home, 'logs', 't1-1.log'), 'utf8')).toMatch(/bytes left out …\n[^]*the end\n$/)
    expect(readdirSync(join(home, 'logs')).toSorted()).toEqual(['t1-1.log', 't2-1.log'])
    expect(published(node, 't1').every(({ text }) => text.length < 100_000)).toBe(true)
    expect(published(node, 't1').some(({ text }) => text.includes('left out here'))).toBe(true)
  })

  test('is reported as progress, at most every few seconds', async () => {
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: 'for i in 1 2 3 4 5; do echo $i; sleep 0.05; done' } }))
    await node.outcome('t1')
    expect(node.reports.map(({ verb }) => verb)).toEqual(['progress', 'done'])
  })

  test('with a line that never ends is handed over in pieces, and characters cut in two are put together', () => {
    const lines: string[] = []
    const reader = lineReader((line) => lines.push(line), 4)
    const bytes = Buffer.from('aä\nbbbbbbbbbbcc')
    reader.push(bytes.subarray(0, 2))
    reader.push(bytes.subarray(2))
    reader.end()
    expect(lines).toEqual(['aä', 'bbbb', 'bbbb', 'bbcc'])
  })

  test('that cannot be written is told once and stops nothing', () => {
    const folder = join(temporaryFolder(), 'log')
    mkdirSync(join(folder, 'x.log.tail'), { recursive: true })
    const lost: unknown[] = []
    const log = openOutputLog(join(folder, 'missing', 'x.log'), 100, (error) => lost.push(error))
    log.write('one\n')
    log.write('two\n')
    log.close()
    expect(lost).toHaveLength(1)
  })
})
