/** Processes that are looked at in the very moment in which they become another program: then their environment cannot be seen. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { endStrays, tokenMark } from '../../src/daemon/strays.ts'
import { after, lives, skipAloud, until } from './support.ts'

/** As the kernel shows that moment: an environment without a byte, and no end of it in what it says of the process. */
const hidden = vi.hoisted(() => ({ pid: 0, looks: 0, ends: ' ' }))
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<{ readFileSync: (path: string, encoding: 'latin1') => string }>()
  const readFileSync = (path: string, encoding: 'latin1'): string => {
    const text = real.readFileSync(path, encoding)
    if (hidden.looks === 0 || !path.startsWith(`/proc/${hidden.pid}/`)) return text
    if (path.endsWith('environ')) return ''
    hidden.looks--
    const fields = text.split(' ')
    fields[fields.length - 2] = '0'
    return fields.join(' ')
  }
  return { ...real, readFileSync }
})

test('whoever is becoming another program as the task ends is looked at again, and ended', async ({ skip }) => {
  if (process.platform !== 'linux') return skipAloud(skip, 'only a Linux shows environments')
  const child = spawn('sleep', ['1000'], { env: { ...process.env, WRIT_TOKEN: 'becoming' }, stdio: 'ignore' })
  after(() => Promise.resolve(child.kill('SIGKILL')))
  await once(child, 'spawn')
  Object.assign(hidden, { pid: child.pid, looks: 3 })
  expect(await endStrays([tokenMark('becoming')])).toEqual([child.pid])
  await until(() => !lives(child.pid ?? 0))
})
