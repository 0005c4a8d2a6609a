/** The version of this program, as its package says. */
import { readFileSync } from 'node:fs'

/** As in package.json, which lies two folders above src/cli and dist/cli alike. */
export const version = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
