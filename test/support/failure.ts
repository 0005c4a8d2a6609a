/** What a call that must fail throws. */
export function failure(run: () => unknown): { message: string; code?: string; hint?: string } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}
