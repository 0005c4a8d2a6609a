/** What a thread shows of itself also when it cannot speak: that its event loop turns, and at which message it is. */
export class Signs {
  /** What both sides have: the thread is handed it when it starts. */
  readonly shared: SharedArrayBuffer
  readonly #beats: Int32Array
  readonly #message: BigInt64Array

  constructor(shared = new SharedArrayBuffer(16)) {
    this.shared = shared
    this.#beats = new Int32Array(shared, 0, 1)
    this.#message = new BigInt64Array(shared, 8, 1)
  }

  /** A counter, raised by the thread's own event loop. */
  get beats(): number {
    return Atomics.load(this.#beats, 0)
  }

  beat(): void {
    Atomics.add(this.#beats, 0, 1)
  }

  /** The message whose turn the thread is in; null outside of one. Of a thread that has ended: the one that it did not outlive. */
  get message(): number | null {
    const message = Number(Atomics.load(this.#message, 0))
    return message === 0 ? null : message
  }

  /** Before its turn, and null after it: ids begin with 1. */
  turning(message: number | null): void {
    Atomics.store(this.#message, 0, BigInt(message ?? 0))
  }
}
