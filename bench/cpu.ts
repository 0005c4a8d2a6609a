/** CPU time of processes with all their descendants, from /proc. Null where there is none. */
import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts in hundredths of a second on every platform that Node runs on. */
const msPerTick = 10

interface Process {
  pid: number
  parent: number
  ms: number
}

const read = (pid: number): Process | null => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [utime = 0, stime = 0, childUtime = 0, childStime = 0] = fields.slice(11, 15).map(Number)
    return { pid, parent: Number(fields[1]), ms: (utime + stime + childUtime + childStime) * msPerTick }
  } catch {
    // It has ended between the listing and the look.
    return null
  }
}

/** In ms since each began. */
export const cpuOf = (pid: number): number | null => {
  if (process.platform !== 'linux') return null
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (read(Number(name)) ?? []) : []))
  const ofTree = (root: number): number =>
    all.reduce(
      (sum, { pid: each, parent, ms }) => sum + (each === root ? ms : 0) + (parent === root ? ofTree(each) : 0),
      0,
    )
  return ofTree(pid)
}
