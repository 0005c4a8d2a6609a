/** docs/daemons.md shows messages: each is one that its subject takes, and each answer one that it may have. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acceptedAnswer } from '../../src/protocol/answers.ts'
import { type Code, codes } from '../../src/protocol/errors.ts'
import { shardOf } from '../../src/protocol/ids.ts'
import type { Message, Subject } from '../../src/bus/subject.ts'
import { subjects } from '../../src/bus/subjects.ts'

const text = readFileSync(join(import.meta.dirname, '../../docs/daemons.md'), 'utf8')
const examples = [...text.matchAll(/^```\n((?:→|←).*?)^```$/gms)].flatMap(([, block = '']) =>
  [...block.matchAll(/^(?:→ (\S+)\n(\{.*\})\n)?(?:← (\{.*\})\n)?/gm)].filter(([whole]) => whole !== ''),
)

const messageOn = (address: string): Message => {
  for (const subject of Object.values(subjects) as Subject[]) {
    const tokens: Record<string, string> | null = subject.read(address)
    if (tokens === null) continue
    if (tokens['shard'] !== undefined) expect(Number(tokens['shard'])).toBe(shardOf('default', tokens['id'] ?? ''))
    const message = subject.messages[tokens['verb'] ?? Object.keys(subject.messages)[0] ?? '']
    if (message !== undefined) return message
  }
  return expect.unreachable(`${address} is no subject`)
}

test.each(examples.map(([, address, body, answer]) => ({ address, body, answer })))(
  'what docs/daemons.md shows on $address is right',
  ({ address, body, answer }) => {
    if (address === undefined)
      return expect(acceptedAnswer.safeParse(JSON.parse(answer ?? ''))).toMatchObject({ success: true })
    const message = messageOn(address)
    expect(message.payload.safeParse(JSON.parse(body ?? ''))).toMatchObject({ success: true })
    if (answer === undefined) return
    expect(message.answer?.safeParse(JSON.parse(answer))).toMatchObject({ success: true })
  },
)

test('it shows every message of a daemon, and every code that it names is one', () => {
  const shown = examples.map(([, address = '']) => address.split('.').at(-1))
  expect(shown).toEqual(expect.arrayContaining(['hello', 'beat', 'bye', 'progress', 'done', 'failed', 'pull']))
  const named = [...text.matchAll(/`([A-Z]{3,}(?:_[A-Z]+)*)`/g)].map(([, code = '']) => code)
  expect(named.filter((code) => !Object.hasOwn(codes, code as Code))).toEqual([])
})
