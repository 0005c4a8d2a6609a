/**
 * The log file of an attempt, with a cap: its head is written as it comes; of the rest the last part is kept in two
 * segments that take turns, and put behind the head at the end. So the disk is never asked for more than the cap.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'

export interface OutputLog {
  write: (text: string) => void
  /** Puts head and tail together. */
  close: () => void
}

/** `bytesMax` for head and tail together. What cannot be written (a full disk) is left out and told once to `lost`. */
export const openOutputLog = (file: string, bytesMax: number, lost: (error: unknown) => void): OutputLog => {
  const headMax = Math.floor(bytesMax / 2)
  const segmentMax = Math.floor(bytesMax / 4)
  const [current, previous] = [`${file}.tail`, `${file}.tail.1`]
  for (const path of [file, current, previous]) rmSync(path, { force: true })
  let [headBytes, segmentBytes, previousBytes, leftOut] = [0, 0, 0, 0]
  let [full, broken] = [false, false]

  const append = (text: string): void => {
    const bytes = Buffer.byteLength(text)
    full ||= headBytes + bytes > headMax
    if (!full) headBytes += bytes
    else if (segmentBytes + bytes > segmentMax && segmentBytes > 0) turn()
    appendFileSync(full ? current : file, text, { mode: 0o600 })
    if (full) segmentBytes += bytes
  }
  const turn = (): void => {
    renameSync(current, previous)
    leftOut += previousBytes
    ;[previousBytes, segmentBytes] = [segmentBytes, 0]
  }
  const join = (): void => {
    if (leftOut > 0) appendFileSync(file, `… ${leftOut} bytes left out …\n`)
    for (const path of [previous, current].filter((each) => existsSync(each))) {
      appendFileSync(file, readFileSync(path))
      rmSync(path)
    }
  }
  const guarded = (act: () => void): void => {
    try {
      if (!broken) act()
    } catch (error) {
      broken = true
      lost(error)
    }
  }
  return { write: (text) => guarded(() => append(text)), close: () => guarded(join) }
}
