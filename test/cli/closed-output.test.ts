/** What a command does when it cannot be heard: which errors of its outputs end it, and which do not. */
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { endWhenClosed, goOnUnheard } from '../../src/cli/closed-output.ts'

test('an output on a full disk is an error to a command that only prints, and none to one that has something to stop', () => {
  const [out, err] = [new EventEmitter(), new EventEmitter()]
  endWhenClosed(out, err)
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const breaking = (stream: EventEmitter) => (): boolean => stream.emit('error', full)
  for (const stream of [out, err]) expect(breaking(stream)).toThrow('no space')
  goOnUnheard()
  for (const stream of [out, err]) expect(breaking(stream)).not.toThrow()
})
