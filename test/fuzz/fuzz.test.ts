/** A short run of the fuzzer, the same every time; `npm run fuzz` is the long one. */
import { it } from 'vitest'
import { fuzz } from './fuzz.ts'

it('R46: whatever is sent on any subject is answered, is no fault of ours, and disturbs no other owner', async () => {
  await fuzz({ seed: 46, count: 800 })
}, 120_000)
