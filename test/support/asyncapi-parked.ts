/** Examples of what is asked about what is parked: a message to the directive `greet`, which has ended. */
import { addressOf } from '../../src/protocol/ids.ts'

const directive = { id: 'greet', address: addressOf('default', 'greet') }
const line = {
  id: 'greet__m41',
  kind: 'message',
  actor: { ...directive, kind: 'directive' },
  directive: 'greet',
  step: null,
  message: 'greet__m41',
  type: 'step.passed',
  from: 'greet__1_0',
  reason: 'the database refuses the content',
  since: '2026-05-01T12:00:08.000Z',
  tries: 5,
  mailbox: 0,
  next: 'writ parked show greet__m41',
}
const answered = (told: string) => ({ parked: { id: line.id }, actor: directive, told })
const again = answered('it is in the mailbox of greet again, at its place')
const dropped = answered('greet has ended, and waits for nothing')
const why = 'the directive has ended'

export const parkedExamples = {
  'api.parked.list': { message: { directive: directive.id }, answer: { lines: [line], next: null } },
  'api.parked.show': {
    message: { id: line.id },
    answer: { ...line, body: { type: 'step.passed', index: 0, merged: null }, bytes: 34 },
  },
  'api.parked.retry': { message: { command: 'c0ffee02', id: line.id }, answer: again },
  'api.parked.drop': { message: { command: 'c0ffee03', id: line.id, why, by: 'ada' }, answer: dropped },
  'directive.unpark': { message: { command: 'c0ffee03', id: line.id, why, by: 'ada' }, answer: dropped },
}
