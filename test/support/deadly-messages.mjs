// Loaded into a process of Writ before its own code (`--import`): lets a test lay messages into mailboxes at which the thread that
// takes them ends. Such a one is a plain publish whose id says how.
import { isMainThread } from 'node:worker_threads'
import { Packr } from 'msgpackr'

const kept = []
const some = Array.from({ length: 10_000 }, Math.random)
const deaths = {
  'deadly hang': () => {
    for (;;);
  },
  'deadly heap': () => {
    // Fast, for one that fills slowly spends its time with clearing up and seems to hang; and not all at once, which ends the process.
    for (;;) kept.push([...some])
  },
}

if (!isMainThread) {
  const unpack = Reflect.get(Packr.prototype, 'unpack')
  Packr.prototype.unpack = function (...bytes) {
    const message = Reflect.apply(unpack, this, bytes)
    if (message?.type === 'published') deaths[message.id]?.()
    return message
  }
}
