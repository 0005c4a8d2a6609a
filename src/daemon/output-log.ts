/**
 * The log file of an attempt, with a cap: its head is written as it comes; of the rest the last part is kept in two
 * segments that take turns, and put behind the head at the end. So the disk is never asked for more than the cap.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'

/** How a joined log is to be read: bytes of its head, and how many were left out behind it. */
export interface Kept {
  head: number
  leftOut: number
}

export interface OutputLog {
  write: (text: string) => void
  /** What is kept from a byte of all that was written on. */
  read: (offset: number, bytesMax: number) => Part
  /** Puts head and tail together. */
  close: () => Kept
}

/** `offset` is where it really begins; `total` counts all that was written, kept or not. */
export interface Part {
  offset: number
  bytes: Buffer
  total: number
}

/** A stretch of the output that is in one file: from which byte of the output, at which place of the file. */
interface Piece {
  from: number
  file: string
  at: number
  bytes: number
}

/** `bytesMax` for head and tail together. What cannot be written (a full disk) is left out and told once to `lost`. */
export const openOutputLog = (file: string, bytesMax: number, lost: (error: unknown) => void): OutputLog => {
  const headMax = Math.floor(bytesMax / 2)
  const segmentMax = Math.floor(bytesMax / 4)
  const { current, previous } = segmentsOf(file)
  for (const path of [file, current, previous]) rmSync(path, { force: true })
  let [headBytes, segmentBytes, previousBytes, leftOut] = [0, 0, 0, 0]
  let [full, broken, joined] = [false, false, false]

  const append = (text: string): void => {
    const bytes = Buffer.byteLength(text)
    full ||= headBytes + bytes > headMax
    if (full && segmentBytes + bytes > segmentMax && segmentBytes > 0) turn()
    appendFileSync(full ? current : file, text, { mode: 0o600 })
    if (full) segmentBytes += bytes
    else headBytes += bytes
  }
  const turn = (): void => {
    renameSync(current, previous)
    leftOut += previousBytes
    ;[previousBytes, segmentBytes] = [segmentBytes, 0]
  }
  const guarded = (act: () => void): void => {
    try {
      if (!broken) act()
    } catch (error) {
      broken = true
      lost(error)
    }
  }
  const pieces = (): Piece[] => [
    { from: 0, file, at: 0, bytes: headBytes },
    { from: headBytes + leftOut, file: previous, at: 0, bytes: previousBytes },
    { from: headBytes + leftOut + previousBytes, file: current, at: 0, bytes: segmentBytes },
  ]
  const kept = (): Kept => ({ head: headBytes, leftOut })
  return {
    write: (text) => guarded(() => append(text)),
    read: (offset, most) => (joined ? readOutputLog(file, kept(), offset, most) : readPieces(pieces(), offset, most)),
    close: () => {
      guarded(() => {
        joinSegments(file, leftOut)
        joined = true
      })
      return kept()
    },
  }
}

const segmentsOf = (file: string): { current: string; previous: string } => ({
  current: `${file}.tail`,
  previous: `${file}.tail.1`,
})

const markOf = (leftOut: number): string => (leftOut > 0 ? `… ${leftOut} bytes left out …\n` : '')

const joinSegments = (file: string, leftOut: number): void => {
  const { current, previous } = segmentsOf(file)
  if (leftOut > 0) appendFileSync(file, markOf(leftOut))
  for (const path of [previous, current].filter((each) => existsSync(each))) {
    appendFileSync(file, readFileSync(path))
    rmSync(path)
  }
}

/** The log of an attempt whose daemon has died: what is there is put together; how much is missing nobody knows any more. */
export const mendOutputLog = (file: string): Kept | null => {
  const { current, previous } = segmentsOf(file)
  if (![file, current, previous].some((each) => existsSync(each))) return null
  const head = existsSync(file) ? statSync(file).size : 0
  joinSegments(file, 0)
  return { head, leftOut: 0 }
}

/** Reads a log that was put together. Throws the system's ENOENT when it is not kept any more. */
export const readOutputLog = (file: string, { head, leftOut }: Kept, offset: number, bytesMax: number): Part => {
  const { size } = statSync(file)
  const begin = head + Buffer.byteLength(markOf(leftOut))
  const tail = { from: head + leftOut, file, at: begin, bytes: Math.max(0, size - begin) }
  return readPieces([{ from: 0, file, at: 0, bytes: Math.min(head, size) }, tail], offset, bytesMax)
}

const readPieces = (pieces: readonly Piece[], offset: number, bytesMax: number): Part => {
  const total = Math.max(...pieces.map(({ from, bytes }) => from + bytes))
  const piece = pieces.find(({ from, bytes }) => bytes > 0 && from + bytes > offset)
  if (piece === undefined) return { offset: Math.min(offset, total), bytes: Buffer.alloc(0), total }
  const start = Math.max(offset, piece.from)
  const wanted = Math.min(bytesMax, piece.from + piece.bytes - start)
  return { offset: start, bytes: readAt(piece.file, piece.at + start - piece.from, wanted), total }
}

const readAt = (file: string, position: number, count: number): Buffer => {
  const handle = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(count)
    return buffer.subarray(0, readSync(handle, buffer, 0, count, position))
  } finally {
    closeSync(handle)
  }
}
