/** Bodies for a message: bytes, any JSON, and what nearly fits its schema, which goes deeper than either. */
import fc from 'fast-check'
import { z } from 'zod'

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
}

const texts = [
  '',
  ' ',
  '\0',
  '\uD800',
  '__proto__',
  'constructor',
  '*',
  '>',
  'a.b',
  '../x',
  '\u{1F642}',
  "'; --",
  'x'.repeat(5_000),
]
const numbers = [0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, 1e308, 5e-324]
/** What fits nowhere, or just so. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, [], {}, [[[[[[]]]]]], { a: { a: {} } }, ...texts, ...numbers),
  fc.jsonValue({ maxDepth: 3 }),
)

/** One in twenty places is odd, the rest is as the schema says. */
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 20, arbitrary: right }, { weight: 1, arbitrary: odd })

const fitting = (schema: Schema, depth = 0): fc.Arbitrary<unknown> => {
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (depth > 6) return odd
  if (choices !== undefined) return fc.oneof(...choices.map((each) => fitting(each, depth + 1)))
  if (schema.enum !== undefined) return mostly(fc.constantFrom(...schema.enum))
  if (schema.const !== undefined) return mostly(fc.constant(schema.const))
  return ofType(schema, depth)
}

/** As a rule one that may be a name or an id. */
const aText = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/) },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(...texts) },
)
const aNumber = (least: number, most: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(least, least + 1, most) },
    { weight: 1, arbitrary: fc.constantFrom(...numbers) },
  )

const ofType = (schema: Schema, depth: number): fc.Arbitrary<unknown> => {
  const { type, minimum = 0, maximum = 1000 } = schema
  switch (type) {
    case 'object':
      return mostly(ofObject(schema, depth))
    case 'array':
      return mostly(fc.array(fitting(schema.items ?? {}, depth + 1), { maxLength: 4 }))
    case 'string':
      return mostly(aText)
    case 'integer':
    case 'number':
      return mostly(aNumber(minimum, maximum))
    case 'boolean':
      return mostly(fc.boolean())
    default:
      return odd
  }
}

const ofObject = (
  { properties = {}, required = [], additionalProperties }: Schema,
  depth: number,
): fc.Arbitrary<unknown> => {
  const shape = Object.fromEntries(Object.entries(properties).map(([key, each]) => [key, fitting(each, depth + 1)]))
  // What is required may be left out as well, now and then.
  const all = fc.record(shape, { requiredKeys: required })
  const some = fc.record(shape, { requiredKeys: [] })
  const more = typeof additionalProperties === 'object' ? fitting(additionalProperties, depth + 1) : odd
  const extra = fc.dictionary(fc.constantFrom('a', 'b', 'constructor', 'toString', 'valueOf'), more, { maxKeys: 2 })
  return fc
    .tuple(fc.oneof({ weight: 4, arbitrary: all }, { weight: 1, arbitrary: some }), extra)
    .map(([known, others]) => ({ ...others, ...known }))
}

const asBytes = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body))

/** As it travels. `fixed`: what is as it is, whatever the rest is; then the body is always an object. */
export const bodyFor = (payload: z.ZodType, fixed: Record<string, unknown> | null): fc.Arbitrary<Uint8Array> => {
  const schema = z.toJSONSchema(payload, { io: 'input', unrepresentable: 'any' }) as Schema
  const right = fitting(schema)
  if (fixed !== null)
    return right.map((body) => asBytes({ ...(typeof body === 'object' && body !== null ? body : {}), ...fixed }))
  return fc.oneof(
    { weight: 8, arbitrary: right.map(asBytes) },
    { weight: 1, arbitrary: fc.json().map((text) => new TextEncoder().encode(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  )
}
