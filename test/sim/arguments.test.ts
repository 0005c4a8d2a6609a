/** What `npm run sim` is asked for is refused in words where it cannot be done. */
import { afterEach, expect, test, vi } from 'vitest'
import { asked } from './arguments.ts'

afterEach(() => vi.restoreAllMocks())

const refusalOf = (...args: string[]): string => {
  let said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => (said += String(text)) !== '')
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`exit ${code}`)
  })
  expect(() => asked(args, 1)).toThrow('exit 2')
  return said
}

test('seeds beyond the last one that --seed takes are refused: none of them could be replayed', () => {
  expect(refusalOf('--from', '4294967295', '--seeds', '2')).toContain(
    'error: --from and --seeds go up to seed 4294967296, and the last one that can be replayed is 4294967295',
  )
  expect(asked(['--from', '4294967295', '--seeds', '1'], 1)).toMatchObject({ from: 4_294_967_295, seeds: 1 })
})
