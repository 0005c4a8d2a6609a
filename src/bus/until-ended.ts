/** Waiting for a directive's end, on its events and not by asking over and over: whatever is away meanwhile is waited out. */
import type { Clock } from '../actors/ports/clock.ts'
import type { EventLine } from '../protocol/commands.ts'
import { type DirectiveView, endedStatuses } from '../protocol/views.ts'
import { isPassing } from './retry.ts'

/** After a look that nobody has answered. */
const againMs = 500

export interface UntilEndedOptions {
  look: () => Promise<DirectiveView>
  /** What happens after an event, until the signal. */
  events: (after: number, signal: AbortSignal) => AsyncGenerator<EventLine, void, undefined>
  clock: Clock
  signal: AbortSignal
}

/** The directive once it has ended. Throws the signal's reason, and what does not pass by itself. */
export const untilEnded = async (options: UntilEndedOptions): Promise<DirectiveView> => {
  const { look, clock, signal } = options
  for (;;) {
    try {
      const view = await unlessAborted(look(), signal)
      if (endedStatuses.has(view.status)) return view
      await ofItself(options, view.events)
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error
      await unlessAborted(new Promise<void>((resolve) => clock.after(againMs, resolve)), signal)
    }
    signal.throwIfAborted()
  }
}

/** Until an event tells of the directive itself: those of its steps end nothing. */
const ofItself = async ({ events, signal }: UntilEndedOptions, after: number): Promise<void> => {
  for await (const { step } of events(after, signal)) if (step == null) return
}

/** A request takes its time to give up: whoever called it off does not wait for that. */
const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  })
