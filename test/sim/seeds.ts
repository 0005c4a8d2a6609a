/** Which worlds there are: of a seed and a size, or of one that found something once. */
import { readFileSync } from 'node:fs'
import { type Size, sizeNames } from './options.ts'

export interface Seed {
  seed: number
  size: Size
}

/** One that found something, with what it found. */
export interface Regression extends Seed {
  found: string
}

/** `mixed`: the sizes take turns. */
export type Mix = Size | 'mixed'

const mixed: readonly Size[] = ['small', 'pulls', 'steered', 'large']

export const seedOf = (seed: number, mix: Mix): Seed => ({
  seed,
  size: mix === 'mixed' ? (mixed[seed % mixed.length] ?? 'small') : mix,
})

export const isSize = (text: string | undefined): text is Size => sizeNames.some((name) => name === text)

/** Where they are written down, from the root of the repository. */
export const regressionsFile = 'test/sim/regressions.txt'

/** `<size> <seed> <what it found>`, a line each. */
export const regressions = (): Regression[] =>
  readFileSync(regressionsFile, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, size, seed, found] = /^(\w+) (\d+) (.+)$/.exec(line) ?? []
      return isSize(size) && found !== undefined ? [{ seed: Number(seed), size, found }] : []
    })
