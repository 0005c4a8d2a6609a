import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkPayload, decode, encode } from '../../src/bus/json.ts'
import { jsonDepthMax, payloadBytesMax } from '../../src/protocol/limits.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const bad = expect.objectContaining({ code: 'BAD_INPUT' })

describe('decode', () => {
  test('an empty message means an empty object', () => {
    expect(decode(bytes(''))).toEqual({})
    expect(decode(bytes(' \n'))).toEqual({})
  })

  test('what was encoded comes back', () => {
    const body = { text: 'a "quoted\\" [text] {\u0000} \u2028 ü', list: [1, null, [{ a: '\\' }]] }
    expect(decode(encode(body))).toEqual(body)
  })

  test.each(['{', '{"a":}', 'nope', '{"a":1}}', '"', '"\\', '[1,]', '\u0000'])('%j is refused', (text) => {
    expect(() => decode(bytes(text))).toThrow(bad)
  })

  test('what is not UTF-8 is refused', () => {
    expect(() => decode(Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d))).toThrow(bad)
  })

  test('the depth limit is exact, and brackets inside of texts do not count', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(() => decode(bytes(nested(jsonDepthMax)))).not.toThrow()
    expect(() => decode(bytes(nested(jsonDepthMax + 1)))).toThrow(bad)
    expect(decode(bytes(JSON.stringify({ a: `\\"${nested(500)}` })))).toEqual({ a: `\\"${nested(500)}` })
  })

  test('100,000 levels end in a refusal and not in the stack', () => {
    expect(() => decode(bytes('{"a":'.repeat(80_000)))).toThrow(bad)
    expect(() => decode(bytes('['.repeat(100_000)))).toThrow(bad)
  })

  test('a key that reaches for prototypes is refused, however it is spelled; a text is not', () => {
    expect(() => decode(bytes('{"a":{"__proto__":{"b":1}}}'))).toThrow(bad)
    expect(() => decode(bytes('{"\\u005f_proto__":{"b":1}}'))).toThrow(bad)
    expect(decode(bytes('{"a":"__proto__"}'))).toEqual({ a: '__proto__' })
  })

  test('a message over the limit is refused, both ways', () => {
    const large = expect.objectContaining({ code: 'TOO_LARGE' })
    expect(() => decode(new Uint8Array(payloadBytesMax + 1))).toThrow(large)
    expect(() => encode({ text: 'x'.repeat(payloadBytesMax) })).toThrow(large)
    expect(encode({ t: 'x'.repeat(payloadBytesMax - 8) }).length).toBe(payloadBytesMax)
  })

  test('what JSON cannot hold is refused', () => {
    expect(() => encode({ n: 1n })).toThrow(bad)
  })
})

test('a payload is refused with all its faults and their places', () => {
  const schema = z.object({ a: z.object({ b: z.int() }), c: z.string() })
  const faults = [expect.stringContaining('a.b: '), expect.stringContaining('c: ')]
  expect(() => checkPayload(schema, { a: { b: 'x' } })).toThrow(expect.objectContaining({ code: 'BAD_INPUT', faults }))
})

test('a key that is missing is said to be missing', () => {
  const missing = { message: expect.stringContaining('title: is missing (string)'), hint: expect.any(String) }
  expect(() => checkPayload(z.object({ title: z.string() }), {})).toThrow(expect.objectContaining(missing))
})
