/** What a machine asks of the world, in words for people. Nothing secret is in them: no nonce of an attempt. */
import type { Effect, Target, TimerCommand } from './effect.ts'

export const effectWords = (effect: Effect): string => {
  switch (effect.kind) {
    case 'task':
      return `makes task ${effect.number} for ${one(effect.role)} (${effect.purpose})`
    case 'ready':
      return `task ${effect.number} waits for a slot for ${one(effect.role)}`
    case 'unready':
      return 'its task waits for a slot no more'
    case 'spawn':
      return `starts attempt ${effect.attempt} of task ${effect.number} on the grant ${effect.grant}`
    case 'stop':
      return `tells attempt ${effect.attempt} to stop`
    case 'finish':
      return `tells attempt ${effect.attempt} to finish`
    case 'closed':
      return `closes attempt ${effect.attempt} of task ${effect.number} as ${effect.as}${because(effect.reason)}`
    case 'giveBack':
      return `gives the grant ${effect.grant} back`
    case 'taskEnded':
      return `ends task ${effect.number} as ${effect.status}${because(effect.reason)}`
    case 'tell':
      return `tells ${targetWords(effect.to)}: ${effect.message.type}`
    case 'slice':
      return `tells the steps from ${effect.from} on: ${effect.message.type}`
    case 'chain':
      return `takes the plan ${effect.hash.slice(0, 12)} with ${effect.steps} steps as chain ${effect.generation}`
    case 'event':
      return `writes the event ${effect.type}`
    case 'evaluation':
      return `records evaluation ${effect.number}: ${effect.verdict.passed ? 'passed' : 'not passed'}`
    case 'refuse':
      return `refuses: ${effect.text}`
  }
}

export const timerWords = (timer: TimerCommand): string =>
  timer.do === 'set'
    ? `sets the timer ${timerName(timer.id)} for ${timer.delay / 1000} s`
    : `cancels the timer ${timerName(timer.id)}`

/** Of `xstate.after.<delay>.<state>` the delay: what people know it by. */
export const timerName = (id: string): string => id.split('.')[2] ?? id

const one = (role: string): string => `${/^[aeiou]/.test(role) ? 'an' : 'a'} ${role}`
const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`)

const targetWords = (to: Target): string => {
  if (to === 'directive') return 'its directive'
  return to === 'dependents' ? 'the steps that depend on it' : `step ${to.step}`
}
