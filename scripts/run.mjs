/** Runs a program in the foreground of this one and tells how it ended. Needs nothing but Node: it runs before the install. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'

/** One Ctrl-C may arrive twice (from the terminal and from npm); a second one by a person takes longer. */
const sameSignalMs = 500
/** A child that is busy hears late; told twice, it would stop by force. */
const hearsWithinMs = 3_000

/**
 * Starts `command` on this terminal, hands signals on and waits for its end.
 * Answers its exit code, 128 + n when signal n ended it. `tells`: it is a `writ`, which tells each signal that it hears.
 */
export function run(command, args, { tells = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = tells ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit'
    const child = spawn(command, args, { stdio, ...options })
    const stop = handOnSignals(child, tells)
    child.once('error', (error) => {
      stop()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      stop()
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

function handOnSignals(child, tells) {
  const last = new Map()
  const heard = new Map()
  child.on('message', ({ signal }) => heard.set(signal, Date.now()))
  // A terminal gives Ctrl-C and its own end to the child as well: handing them on would make two of one.
  const fromTerminal = hasTerminal() ? ['SIGINT', 'SIGHUP'] : []
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    // Somebody may have sent it to this process alone.
    const didHear = (at) => (heard.get(signal) ?? 0) > at - sameSignalMs
    const listener = () => {
      const now = Date.now()
      const repeated = now - (last.get(signal) ?? 0) < sameSignalMs
      last.set(signal, now)
      if (repeated) return
      if (!fromTerminal.includes(signal)) child.kill(signal)
      else if (tells) setTimeout(() => didHear(now) || child.kill(signal), hearsWithinMs).unref()
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  return () => listeners.forEach((remove) => remove())
}

function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
