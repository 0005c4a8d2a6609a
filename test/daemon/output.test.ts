import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { subjects } from '../../src/bus/subjects.ts'
import { lineReader } from '../../src/daemon/lines.ts'
import { openOutputLog } from '../../src/daemon/output-log.ts'
import type { OutputLines } from '../../src/protocol/commands.ts'
import { outputLines } from '../../src/protocol/commands.ts'
import type { OutputPart } from '../../src/protocol/task.ts'
import { outputPart } from '../../src/protocol/task.ts'
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

  /** All of an attempt's output, asked for part by part. */
  const readWhole = async (node: Node, task: string): Promise<OutputPart[]> => {
    const parts: OutputPart[] = []
    for (let offset = 0; ; offset = parts.at(-1)?.next ?? 0) {
      const part = outputPart.parse(await node.order('output', { task, attempt: 1, offset }))
      parts.push(part)
      if (part.next >= part.total) return parts
    }
  }

  test('is read while the task runs, after its end, and after a restart of the daemon', async () => {
    const node = openNode()
    const first = await startDaemon(node)
    const gate = join(first.home, 'gate')
    const plan = `echo one ä; until [ -e ${gate} ]; do sleep 0.02; done; echo two`
    await node.order('spawn', spawnOf('t1', { task: { plan } }))
    await until(() => published(node, 't1').length > 0)
    expect(await node.order('output', { task: 't1', attempt: 1, offset: 0 })).toEqual({
      attempt: 1,
      offset: 0,
      text: 'one ä\n',
      next: 7,
      total: 7,
      ended: false,
    })
    writeFileSync(gate, '')
    await node.outcome('t1')
    const rest = { attempt: 1, offset: 7, text: 'two\n', next: 11, total: 11, ended: true }
    expect(await node.order('output', { task: 't1', attempt: 1, offset: 7 })).toEqual(rest)
    await first.stop()
    const again = openNode()
    await startDaemon(again, { home: first.home })
    expect(await again.order('output', { task: 't1', attempt: 1, offset: 7 })).toEqual(rest)
    for (const wrong of [{ attempt: 2 }, { task: 'never' }])
      await expect(again.order('output', { task: 't1', attempt: 1, offset: 0, ...wrong })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
    await expect(again.order('output', { task: '../x', attempt: 1, offset: 0 })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    })
  })

  test('of a task that wrote nothing is nothing, not something that is lost', async () => {
    const node = openNode()
    await startDaemon(node)
    await node.order('spawn', spawnOf('t1', { task: { plan: 'exit 3' } }))
    await node.outcome('t1')
    expect(await readWhole(node, 't1')).toEqual([{ attempt: 1, offset: 0, text: '', next: 0, total: 0, ended: true }])
  })

  test('of which the middle was not kept says where it goes on', async () => {
    const node = openNode()
    await startDaemon(node)
    // Of an odd length in bytes, so that parts do not end where characters do.
    const line = 'ää läne of säme length, över änd över ä'
    await node.order(
      'spawn',
      spawnOf('t1', { task: { plan: `yes "${line}" | head -n 500000; echo the end; sleep 1000` } }),
    )
    const total = 500_000 * (Buffer.byteLength(line) + 1) + 'the end\n'.length
    await expect
      .poll(() => node.order('output', { task: 't1', attempt: 1, offset: total }), { timeout: 20_000 })
      .toMatchObject({ total })
    const check = (parts: readonly OutputPart[]): void => {
      const gaps = parts.filter((part, at) => part.offset !== (parts[at - 1]?.next ?? 0))
      expect(gaps).toHaveLength(1)
      expect(parts.at(-1)).toMatchObject({ next: total, total })
      expect(parts.at(-1)?.text).toMatch(/the end\n$/)
      expect(parts.map(({ text }) => text).join('')).not.toMatch(/\ufffd|left out/)
    }
    const live = await readWhole(node, 't1')
    check(live)
    expect(live[0]?.ended).toBe(false)
    await node.order('cancel', { task: 't1', attempt: 1, nonce: 'nonce-t1' })
    await node.outcome('t1')
    const kept = await readWhole(node, 't1')
    check(kept)
    expect(kept.at(-1)?.ended).toBe(true)
    expect(kept.map(({ text }) => text).join('')).toBe(live.map(({ text }) => text).join(''))
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
