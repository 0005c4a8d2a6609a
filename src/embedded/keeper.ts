/** Which `writ up` looks after a server that runs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { living } from './living.ts'

/** The pid of the `writ up` whose child it is; undefined for one that was taken over, or whose `writ up` was killed. */
export function keeperOf(pid: number): number | undefined {
  const parent = living(parentOf(pid))
  return /(^|[ /])(writ|main\.js) (.* )?up( |$)/.test(parent?.command ?? '') ? parent?.pid : undefined
}

/** 0 when there is no such process. */
function parentOf(pid: number): number {
  try {
    if (process.platform !== 'linux') {
      return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }))
    }
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return 0
  }
}
