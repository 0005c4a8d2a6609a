/** Runs a program in the foreground of this one and tells how it ended. Needs nothing but Node: it runs before the install. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'

/** One Ctrl-C may arrive twice (from the terminal and from npm); a second one by a person takes longer. */
const sameSignalMs = 500

/**
 * Starts `command` on this terminal, hands signals on and waits for its end.
 * Answers its exit code, 128 + n when signal n ended it.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    const stop = handOnSignals(child)
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

function handOnSignals(child) {
  const last = new Map()
  // A terminal gives Ctrl-C and its own end to the child as well: handing them on would make two of one.
  const fromTerminal = hasTerminal() ? ['SIGINT', 'SIGHUP'] : []
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const listener = () => {
      const repeated = Date.now() - (last.get(signal) ?? 0) < sameSignalMs
      last.set(signal, Date.now())
      if (!repeated && !fromTerminal.includes(signal)) child.kill(signal)
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
