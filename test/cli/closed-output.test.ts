/** What happens when what a command prints cannot be written. */
import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { endWhenClosed, goOnUnheard } from '../../src/cli/closed-output.ts'
import { environment, root } from '../support/writ.ts'

test('what has something to stop goes on when the disk under its outputs is full', () => {
  const stream = () => Object.assign(new EventEmitter(), { write: () => true })
  const [out, err] = [stream(), stream()]
  endWhenClosed(out, err)
  goOnUnheard()
  for (const one of [out, err])
    expect(one.emit('error', Object.assign(new Error('no space'), { code: 'ENOSPC' }))).toBe(true)
})

test.skipIf(!existsSync('/dev/full'))('a command whose data cannot be written says so, and ends with 1', () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'completion', 'bash'], {
    env: environment(),
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'error: standard output cannot be written: ENOSPC: no space left on device, write\n',
  })
})
