/** Time and chance as the core sees them: real in a node, simulated by seed in the simulator. */

/** A timer that was set. */
export interface Alarm {
  cancel: () => void
}

export interface Clock {
  /** Monotonic, in ms: for lease trust, deadlines and ages inside one thread. Never stored. */
  monotonic: () => number
  /** Calls once, after at least `ms`. */
  after: (ms: number, call: () => void) => Alarm
}

export interface Random {
  /** A fresh token of `[a-z0-9]`, unguessable in a node (nonces, ids, sessions). */
  token: (length: number) => string
}
