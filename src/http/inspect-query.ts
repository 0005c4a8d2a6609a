/** What a watcher asks for, in the query of `/inspect`. */
import { z } from 'zod'
import { WritError } from '../protocol/errors.ts'
import { selection } from '../protocol/inspection.ts'
import { ownerName } from '../protocol/ids.ts'
import { coalesceMsDefault, inspectedActorsDefault, inspectedActorsMax } from '../protocol/limits.ts'

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max)

const schema = z.strictObject({
  ...selection.shape,
  owner: z.string().default('default').transform(ownerName),
  token: z.string().optional(),
  /** Ms in which at most one state of each actor is sent; 0: every one. */
  coalesce: whole(0, 60_000).default(coalesceMsDefault),
  /** Actors at most. */
  max: whole(1, inspectedActorsMax).default(inspectedActorsDefault),
  /** Not what happens, but what happened: from the journals. */
  replay: z.enum(['1', 'true']).optional(),
  /** Of a replay: versions of each actor, both included; and how many times as fast as it was (else without pauses). */
  from: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  to: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  speed: z.coerce.number().positive().max(1_000_000).optional(),
})
export type InspectQuery = z.output<typeof schema>

/** Throws BAD_INPUT with every fault. */
export const readQuery = (params: URLSearchParams): InspectQuery => {
  const read = schema.safeParse(Object.fromEntries(params))
  if (read.success) return read.data
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.') || 'query'}: ${message}`)
  throw new WritError('BAD_INPUT', `the query is not right: ${faults.join('; ')}`, {
    hint: `it takes ${Object.keys(schema.shape).join(', ')}`,
    faults,
  })
}
