/** One at a time: two starts in the same checkout must not install or build into each other. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const lookAgainMs = 200
/** No install takes as long; a lock that is older belongs to a process whose id was given to another one. */
const heldMaxMs = 15 * 60_000

/** Runs `work` while holding `file`; `waiting` is called once when another process holds it. */
export async function locked(file, waiting, work) {
  mkdirSync(dirname(file), { recursive: true })
  while (!taken(file)) {
    if (abandoned(file)) rmSync(file, { force: true })
    else {
      waiting()
      waiting = () => undefined
      await delay(lookAgainMs)
    }
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function taken(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function abandoned(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    const old = Date.now() - statSync(file).mtimeMs > heldMaxMs
    return old || (pid > 0 && !alive(pid))
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
