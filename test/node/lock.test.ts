/** A data folder has one holder also where pids say nothing: on a disk that containers or hosts share. */
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { stopAll } from '../../src/embedded/down.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { holderOf, lockFolder, lockOnceStill } from '../../src/embedded/lock.ts'
import { ourScope, type PidScope, whereIs } from '../../src/embedded/pid-scope.ts'
import { lockTouchMs } from '../../src/protocol/limits.ts'
import { failure } from '../support/failure.ts'

let folders: Folders
let root: string
let said: string[]
beforeEach(() => {
  folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-lock-')), env: {} })
  root = folders.root
  said = []
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const say = (line: string): void => void said.push(line)
const file = (): string => join(folders.run, 'lock.1')
/** As if this process had taken it where `scope` says. */
const lockedIn = (scope: Partial<PidScope>): void => {
  lockFolder(root)
  const written = JSON.parse(readFileSync(file(), 'utf8')) as { scope: PidScope }
  writeFileSync(file(), JSON.stringify({ ...written, scope: { ...written.scope, ...scope } }))
}
const container: PidScope = { host: 'box', boot: 'another', namespace: 'pid:[1]' }
const refused = {
  code: 'LOCKED',
  message: expect.stringMatching(
    `^process ${process.pid} of another container or host \\(box\\) uses the data folder`,
  ) as string,
  hint: 'a data folder is for one host at a time: stop it there, or choose another folder with --data-dir',
}

it('whoever holds it elsewhere is not judged by a pid: nobody takes it, and writ down ends no process that has that pid here', () => {
  lockedIn(container)
  expect(failure(() => lockFolder(root))).toMatchObject(refused)
  // Each host has numbers of its own for a disk of several.
  writeFileSync(file(), readFileSync(file(), 'utf8').replace(/"device":"\d+"/, '"device":"another"'))
  expect(failure(() => lockFolder(root))).toMatchObject(refused)
  expect(holderOf(root)).toBeUndefined()
})

it('a holder elsewhere that lives is known by its touch, and refused as soon as that is seen, by writ down as well', async () => {
  lockedIn(container)
  let seconds = 0
  const touching = setInterval(() => utimesSync(file(), ++seconds, seconds), 50)
  try {
    await expect(lockOnceStill(root, { say, stillMs: 60_000 })).rejects.toMatchObject(refused)
    await expect(stopAll(folders)).rejects.toMatchObject(refused)
  } finally {
    clearInterval(touching)
  }
})

it('a holder elsewhere that has touched nothing for a time is dead: who waits says so and gets in, one of several', async () => {
  lockedIn(container)
  const results = await Promise.allSettled([1, 2].map(() => lockOnceStill(root, { say, stillMs: 500 })))
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(said).toContain(
    `process ${process.pid} of another container or host (box) has had ${root}: it is free in 1 s unless that one lives`,
  )
})

it('a holder elsewhere that releases it, or a person who wants no more, ends the wait', async () => {
  lockedIn(container)
  const over = new AbortController()
  const given = lockOnceStill(root, { say, stillMs: 60_000, signal: over.signal })
  over.abort()
  await expect(given).rejects.toThrow(/abort/)
  const waiting = lockOnceStill(root, { say, stillMs: 60_000 })
  writeFileSync(file(), readFileSync(file(), 'utf8').replace('"released":false', '"released":true'))
  ;(await waiting).release()
})

it('its holder touches it as long as it has it', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const lock = lockFolder(root)
  const touched = (): number => {
    utimesSync(file(), 1, 1)
    vi.advanceTimersByTime(lockTouchMs)
    return statSync(file()).mtimeMs
  }
  expect(touched()).toBeGreaterThan(1_000)
  lock.release()
  expect([touched(), vi.getTimerCount()]).toEqual([1_000, 0])
})

it('who stood still for too long learns who has it now, and touches it no more', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const lock = lockFolder(root)
  expect(lock.lostTo()).toBeUndefined()
  const mine = JSON.parse(readFileSync(file(), 'utf8')) as { scope: PidScope }
  const next = join(folders.run, 'lock.2')
  const written = (released: boolean): void =>
    writeFileSync(next, JSON.stringify({ ...mine, pid: 7, released, scope: container }))
  written(false)
  utimesSync(file(), 1, 1)
  vi.advanceTimersByTime(lockTouchMs)
  const why = 'has taken the data folder'
  const other = `process 7 of another container or host (box) ${why} ${root}: this process stood still`
  await expect(lock.lost).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining(other) as string })
  expect([statSync(file()).mtimeMs, vi.getTimerCount()]).toEqual([1_000, 0])
  written(true)
  expect(lock.lostTo()?.message).toContain(`another writ, which has ended, ${why}`)
  lock.release()
  expect(JSON.parse(readFileSync(next, 'utf8'))).toMatchObject({ pid: 7 })
})

it('what a killed process of the same machine has left is free at once, also after a restart of it', async () => {
  const whole = { ...ourScope(), machine: 'one', boot: 'now', namespace: 'pid:[4026531836]' }
  const ours = ourScope()
  expect([whereIs(undefined), whereIs(ours), whereIs({ ...whole, boot: 'before' }, whole)]).toEqual([
    'here',
    'here',
    'over',
  ])
  for (const other of [{ host: 'b' }, { machine: 'b' }, { machine: undefined }, { namespace: 'pid:[1]' }]) {
    expect(whereIs({ ...whole, boot: 'before', ...other }, whole)).toBe('elsewhere')
  }
  expect(whereIs({ ...whole, namespace: 'pid:[1]' }, whole)).toBe('elsewhere')
  expect(whereIs(whole, { host: whole.host })).toBe('elsewhere')
  lockFolder(root)
  writeFileSync(file(), readFileSync(file(), 'utf8').replace(/"started":"[^"]*"/, '"started":"before"'))
  ;(await lockOnceStill(root, { say, stillMs: 60_000 })).release()
  expect(said).toEqual([])
})

it('where only the name of the host is known, a holder is the one that lives here whatever that is now', () => {
  expect(whereIs({ host: 'a' }, { host: 'a' })).toBe('here')
  expect(whereIs({ host: 'a' }, { host: 'b' })).toBe('elsewhere')
  lockedIn({ host: 'before', boot: undefined, namespace: undefined })
  expect(holderOf(root)?.pid).toBe(process.pid)
  expect(failure(() => lockFolder(root))).toMatchObject({ hint: expect.stringContaining('writ down') as string })
})
