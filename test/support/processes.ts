/** What runs on this machine, by its command line: for tests that say that nothing is left. */
import { readdirSync, readFileSync } from 'node:fs'

/** Command lines, or environments with `environ`, of other processes that contain this text. */
export const processesWith = (text: string, of: 'cmdline' | 'environ' = 'cmdline'): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const found = readFileSync(`/proc/${pid}/${of}`, 'utf8').replaceAll('\0', ' ')
        return found.includes(text) ? [`${pid} ${found.slice(0, 200)}`] : []
      } catch {
        // It has ended meanwhile.
        return []
      }
    })
