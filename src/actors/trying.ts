/** What a message would do to an actor: filled in from the present state where it says nothing, and tried, changing nothing. */
import type { z } from 'zod'
import { type Live, store, timersOf } from '../machines/advance.ts'
import { casesOf } from '../machines/cases.ts'
import { timerName } from '../machines/effect-words.ts'
import type { Given } from '../machines/given.ts'
import { heldBack } from '../machines/held-back.ts'
import type { Message } from '../machines/message.ts'
import { typesOf } from '../machines/next.ts'
import { type Trial, tryMessage, tryTimer } from '../machines/trial.ts'
import { changesOf } from '../protocol/changes.ts'
import { WritError } from '../protocol/errors.ts'
import type { lookCommands, TrialView } from '../protocol/looking.ts'
import { redacted, withoutSecrets } from '../protocol/redaction.ts'
import { asksOf, refusalView, standingOf } from './actor-view.ts'
import { shownParts } from './journal-page.ts'

type What = z.output<typeof lookCommands.try>
type Tryout = Omit<TrialView, 'id' | 'address' | 'version' | 'migrates'>

/** Throws BAD_INPUT for what is no message of this machine. */
export const trialView = (live: Live, given: Given<unknown>, { message, timer }: What): Tryout => {
  if ((message === undefined) === (timer === undefined))
    throw new WritError('BAD_INPUT', 'neither one message nor one timer', {
      hint: 'give a message with its type, or a timer',
    })
  if (timer !== undefined) return viewOf(live, { timer: timerIn(live, timer) }, given)
  return viewOf(live, { message: completed(live, message as Message, given) }, given)
}

type Tried = { timer: string } | { message: Message }

const viewOf = (live: Live, tried: Tried, given: Given<unknown>): Tryout => {
  const event = 'timer' in tried ? { type: tried.timer } : tried.message
  const { outcome, refusal, live: after, effects, timers } = trialOf(live, tried, given)
  return {
    message: 'timer' in tried ? null : withoutSecrets(tried.message),
    timer: 'timer' in tried ? tried.timer : null,
    outcome,
    refusal: refusalView(refusal),
    before: standingOf(live),
    after: standingOf(after),
    changes: changesOf(shownParts(live), shownParts(after)),
    asks: asksOf({ effects, timers }),
    effects: withoutSecrets(effects) as object[],
    timers,
    heldBack: outcome === 'taken' ? [] : heldBack(live, event, given),
  }
}

/** A machine reads a message as the turn makes it; what it cannot read was made by hand. */
const trialOf = (live: Live, tried: Tried, given: Given<unknown>): Trial => {
  try {
    return 'timer' in tried ? tryTimer(live, tried.timer, given) : tryMessage(live, tried.message, given)
  } catch (cause) {
    if (cause instanceof WritError && cause.code !== 'INTERNAL') throw cause
    throw new WritError(
      'BAD_INPUT',
      `the machine cannot read this ${'timer' in tried ? 'timer' : tried.message.type}`,
      {
        hint: 'a field is missing or of another type than messages have; `next` shows one message of each kind',
        cause,
      },
    )
  }
}

/** What is left out, or was redacted where it was copied from, is as in the first message of its type that `next` shows. */
const completed = (live: Live, message: Message, given: Given<unknown>): Message => {
  const { type } = message
  const known = typesOf(live).toSorted()
  if (!type.startsWith('xstate.') && !known.includes(type))
    throw new WritError('BAD_INPUT', `${JSON.stringify(type)} is no message for a ${store(live).machine}`, {
      hint: `it knows ${known.join(', ')}`,
    })
  const said = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== redacted))
  return { ...casesOf(live, type, given)[0]?.message, ...said } as Message
}

/** By its id or its name. */
const timerIn = (live: Live, text: string): string => {
  const timers = timersOf(live)
  const found = timers.find((id) => id === text || timerName(id) === text)
  if (found !== undefined || text.startsWith('xstate.after.')) return found ?? text
  throw new WritError('BAD_INPUT', `it waits for no timer ${JSON.stringify(text.slice(0, 80))}`, {
    hint: timers.length === 0 ? 'it waits for none' : `it waits for ${timers.map(timerName).join(', ')}`,
  })
}
