/**
 * Files that people name on the command line, `-` being standard input. They are read as they come, so that Ctrl-C is heard
 * meanwhile, and no further than the limit of a file.
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { isatty, ReadStream } from 'node:tty'
import { WritError } from '../protocol/errors.ts'
import { fileBytesMax } from '../protocol/limits.ts'

/** What a file is called in messages. */
export const shownName = (path: string): string => (path === '-' ? 'standard input' : path)

/** The bytes. Throws BAD_INPUT when it cannot be read, TOO_LARGE over the limit of a file. */
export const readBytes = async (path: string, cwd: string): Promise<Uint8Array> => {
  try {
    return await readAll(path, path === '-' ? standardInput() : open(path, resolve(cwd, path)))
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** The text. Throws as `readBytes`, and BAD_INPUT when it is not UTF-8. */
export const readTextFile = async (path: string, cwd: string): Promise<string> =>
  textOf(path, await readBytes(path, cwd))

/** The text of a file on a disk, at once. Throws as `readTextFile`, and BAD_INPUT for what is no such file: it may never end. */
export const readSettledText = (path: string): string => {
  let bytes: Uint8Array
  try {
    const stat = statSync(path)
    if (!stat.isFile() && !stat.isDirectory()) throw new WritError('BAD_INPUT', `${path} is no file on a disk`)
    refuseSize(path, stat.size)
    bytes = readFileSync(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
  return textOf(path, bytes)
}

/** For a folder Node's own would be empty. */
const standardInput = (): Readable => (fstatSync(0).isDirectory() ? createReadStream('', { fd: 0 }) : process.stdin)

/** Opening a pipe that nobody writes to would wait in a thread that not even the end of the process interrupts. */
const open = (name: string, path: string): Readable => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (isatty(fd)) return new ReadStream(fd)
    const stat = fstatSync(fd)
    if (stat.isFIFO()) return new Socket({ fd, readable: true, writable: false })
    if (stat.isFile()) refuseSize(name, stat.size)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return createReadStream('', { fd, end: fileBytesMax })
}

const readAll = async (path: string, stream: Readable): Promise<Uint8Array> => {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > fileBytesMax)
      throw new WritError('TOO_LARGE', `${shownName(path)} has more than ${fileBytesMax} bytes, the limit of a file`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const refuseSize = (path: string, bytes: number): void => {
  if (bytes > fileBytesMax)
    throw new WritError('TOO_LARGE', `${path} has ${bytes} bytes, over the limit of ${fileBytesMax}`)
}

const textOf = (path: string, bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new WritError('BAD_INPUT', `${shownName(path)} is not text in UTF-8`, { cause })
  }
}

const unreadable = (path: string, cause: unknown): WritError => {
  if (cause instanceof WritError) return cause
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  const why = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[code] ?? code
  return new WritError('BAD_INPUT', `${shownName(path)} cannot be read: ${why}`, {
    hint: 'name a file, or - for standard input',
    cause,
  })
}
