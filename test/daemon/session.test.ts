/** What a daemon tells whoever watches it of how it stands with the nodes. */
import { expect, test } from 'vitest'
import { WritError } from '../../src/protocol/errors.ts'
import { memoryBus, openNode, quiet, startDaemon, until } from './support.ts'

test('a daemon whose beats are not answered says so once, and once more when they are again', async () => {
  const bus = memoryBus()
  const through = bus.request
  const reach = { away: false, missed: 0 }
  bus.request = async (subject, ...rest) => {
    if (!reach.away || !subject.endsWith('.beat')) return through(subject, ...rest)
    reach.missed++
    throw new WritError('UNREACHABLE', 'no server')
  }
  const told: string[] = []
  const tell = (_: object, text: string): void => void told.push(text)
  await startDaemon(openNode(bus), { log: { ...quiet, info: tell, warn: tell } })
  reach.away = true
  await until(() => reach.missed > 2)
  reach.away = false
  await until(() => told.includes('a node answers again'))
  expect(told).toEqual(['the registry knows this daemon', 'no node has answered the beat', 'a node answers again'])
})
