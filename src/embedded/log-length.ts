/**
 * The length of a log that another process appends to: a server that we started. It has the file open, so that another name for the
 * file would take it along: what is in it is copied, and it goes on in the same file from its beginning.
 */
import { copyFile, stat, truncate } from 'node:fs/promises'
import { logBytesMax, logLookMs } from '../protocol/limits.ts'

/** One look at a time in this process, for who has taken a server over looks beside who started it: a copy of what the other has just cut is empty. */
let looking = Promise.resolve()

/** Sets the log aside as `<file>.1` whenever it has grown too long, until its server has ended. */
export const keepShort = (file: string, ended: Promise<unknown>, everyMs = logLookMs): void => {
  const timer = setInterval(() => void (looking = looking.then(() => shorten(file))), everyMs)
  timer.unref()
  void ended.then(() => clearInterval(timer))
}

/** What is written between the copy and the cut is lost. So is the copy where there is no room for it: then the log has taken that room. */
const shorten = async (file: string): Promise<void> => {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size <= logBytesMax) return
  await copyFile(file, `${file}.1`).catch(() => undefined)
  await truncate(file).catch(() => undefined)
}
