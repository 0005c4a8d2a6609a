/** The folder of a run, in the temporary one. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atExit } from './at-exit.ts'

const [triesMax, againMs] = [50, 100]

/** Makes it. It goes when this process ends, if `isToGo` says so then. */
export const runFolder = (isToGo: () => boolean): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'writ-chaos-')))
  atExit(() => {
    if (isToGo()) remove(folder)
  })
  return folder
}

/** What was ended at once may still write for a moment. */
const remove = (folder: string): void => {
  for (let left = triesMax; ; left--) {
    try {
      return rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      if (left === 0) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs)
    }
  }
}
