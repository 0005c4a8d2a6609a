/** What is done when this process ends before it has ended everything in order. */

/** `end` can wait for nothing. The youngest comes first, and the others whatever becomes of it. What is answered takes it back. */
export const atExit = (end: () => void): (() => void) => {
  const listener = (): void => {
    try {
      end()
    } catch (error) {
      process.stderr.write(`${String(error)}\n`)
    }
  }
  process.prependOnceListener('exit', listener)
  return () => void process.off('exit', listener)
}
