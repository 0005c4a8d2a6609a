/** Records of the daemon's that a crash may have left in halves. */
import { readFileSync } from 'node:fs'

/** What the file holds, or null when there is none that can be read. */
export const readJson = (file: string): unknown => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
