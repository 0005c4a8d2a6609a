/** How long what is over is kept, as people write it. */
import { describe, expect, test } from 'vitest'
import { readKept } from '../../src/cli/kept.ts'

describe('the time for which something is kept', () => {
  test('is a span, or forever', () => {
    expect(['90d', '12h', '1d12h', 'forever'].map(readKept)).toEqual([7_776_000_000, 43_200_000, 129_600_000, null])
  })

  test('has a unit, and is neither too short to look at it nor longer than anybody lives: what goes does not come back', () => {
    const from = '"%" is no time to keep something'
    for (const bad of ['5', '', 'soon', '-1d', '5x', '0']) expect(() => readKept(bad)).toThrow(from.replace('%', bad))
    expect(() => readKept('1s')).toThrow('"1s" is too short a time to keep something')
    expect(() => readKept('0d')).toThrow('"0d" is too short a time to keep something')
    expect(() => readKept('99999999d')).toThrow('"99999999d" is too long a time to keep something')
  })
})
