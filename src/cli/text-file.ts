/** Files that people name on the command line, `-` being standard input. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { fileBytesMax } from '../protocol/limits.ts'

/** What a file is called in messages. */
export const shownName = (path: string): string => (path === '-' ? 'standard input' : path)

/** The bytes. Throws BAD_INPUT when it cannot be read, TOO_LARGE over the limit of a file. */
export const readBytes = (path: string, cwd: string): Uint8Array => {
  const bytes = read(path, cwd)
  if (bytes.length <= fileBytesMax) return bytes
  throw new WritError('TOO_LARGE', `${shownName(path)} has ${bytes.length} bytes, over the limit of ${fileBytesMax}`)
}

/** The text. Throws as `readBytes`, and BAD_INPUT when it is not UTF-8. */
export const readTextFile = (path: string, cwd: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(path, cwd))
  } catch (cause) {
    if (cause instanceof WritError) throw cause
    throw new WritError('BAD_INPUT', `${shownName(path)} is not text in UTF-8`, { cause })
  }
}

const read = (path: string, cwd: string): Uint8Array => {
  try {
    return readFileSync(path === '-' ? 0 : resolve(cwd, path))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    const why =
      { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[code] ?? code
    throw new WritError('BAD_INPUT', `${shownName(path)} cannot be read: ${why}`, {
      hint: 'name a file, or - for standard input',
      cause,
    })
  }
}
