/** Which `writ up` looks after a server that runs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { living } from './living.ts'

/** The pid of the `writ up` whose child it is; undefined for one that was taken over, or whose `writ up` was killed. */
export function keeperOf(pid: number): number | undefined {
  const parent = living(parentOf(pid))
  return parent !== undefined && isUp(wordsOf(parent)) ? parent.pid : undefined
}

/** Of Node, its own options left out, the program is the script; a shell may have all that among its words as well, and is none. */
function isUp([program = '', ...words]: string[]): boolean {
  const isNode = /^node(js)?$/.test(basename(program))
  const [script = '', ...rest] = isNode
    ? words.slice(words.findIndex((each) => !each.startsWith('-')))
    : [program, ...words]
  return ['writ', ...(isNode ? ['main.js'] : [])].includes(basename(script)) && rest.includes('up')
}

/** As the process got them; elsewhere than on Linux nothing tells where one ends that has a space in it. */
function wordsOf({ pid, command }: { pid: number; command: string }): string[] {
  try {
    return process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : command.split(' ')
  } catch {
    // It has ended since.
    return []
  }
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
