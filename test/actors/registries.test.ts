/** What a thread takes in for the registries that it holds: at most so many requests at once, and so many daemons of an owner. */
import { beforeEach, expect, it } from 'vitest'
import { Draft } from '../../src/actors/draft.ts'
import type { Host } from '../../src/actors/host.ts'
import type { DaemonRow } from '../../src/actors/ports/registry-rows.ts'
import type { Asked, Take } from '../../src/actors/ports/wire.ts'
import { heardOf } from '../../src/actors/presence.ts'
import { helloDaemon, lookAgain, takeFromDirective } from '../../src/actors/registrar.ts'
import { Registries } from '../../src/actors/registries.ts'
import { Turn } from '../../src/actors/turn.ts'
import type { Unit } from '../../src/actors/unit.ts'
import { statusOf } from '../../src/machines/live.ts'
import { actorKey, registryId } from '../../src/protocol/ids.ts'
import {
  beatMs,
  daemonCountMax,
  daemonLeaseMs,
  pendingRequestsMax,
  registryAuditMs,
} from '../../src/protocol/limits.ts'
import type { Hello } from '../../src/protocol/task.ts'
import { checkRegistry } from '../../src/verify/slots.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const owner = 'o'
const clock = new SimClock()
let host: Host
beforeEach(() => {
  host = quietHost(clock, new SimStore({ clock }))
})

const helloOf = (session: string): Hello => ({
  ...{ session, slots: 1, roles: ['worker'], labels: {}, executors: [], running: [], draining: false },
})

const rowOf = (name: string, inbox: string | null = null): DaemonRow => ({
  ...{ owner, name, session: name, home: null, slots: 1, roles: ['worker'], executors: [], labels: {} },
  ...{ draining: false, inbox, at: 0 },
})

/** An open registry with a daemon `d`: what it is asked, and the units that came of it. */
const openRegistry = async () => {
  const units: Unit[] = []
  const heard: { take: Take } = { take: () => undefined }
  host.wire.serveRegistry = (_, take) => {
    heard.take = take
    return { drain: () => Promise.resolve() }
  }
  const registries = new Registries(
    host,
    (unit) => units.push(unit),
    () => units.length,
    () => true,
  )
  await registries.open(owner)
  const [taken] = units.splice(0)
  host.presence.set(`${owner}/d`, { ...heardOf('s', 0), running: 1 })
  const answers: (string | undefined)[] = []
  const ask = (verb: 'hello' | 'bye' | 'beat' | 'drain' | 'pull', body: object): void =>
    heard.take({
      ...{ noun: verb === 'pull' ? 'pull' : 'daemon', verb, owner, id: verb === 'pull' ? '' : 'd', shard: null },
      ...{ daemon: null, body, wantsReply: true, replyTo: '_INBOX.a' },
      reply: (answer) => answers.push(JSON.stringify(answer)),
      fail: (error) => answers.push((error as { code: string }).code),
    } satisfies Asked)
  return { registries, units, answers, ask, taken }
}

it('hellos, pulls and byes wait in line up to the limit of requests, and what is over it is told so at once', async () => {
  const { units, answers, ask } = await openRegistry()
  for (let count = 0; count < pendingRequestsMax; count += 2) {
    ask('hello', helloOf('s'))
    ask('pull', { waitMs: 1000 })
  }
  expect(answers).toEqual([])
  ask('hello', helloOf('s'))
  ask('pull', { waitMs: 1000 })
  ask('bye', { session: 's' })
  expect(answers).toEqual(['BUSY', 'BUSY', 'BUSY'])
  units.pop()
  ask('bye', { session: 's' })
  expect([answers.length, units.length]).toEqual([3, pendingRequestsMax])
})

it('orders to drain that wait for their daemon count into the limit of requests', async () => {
  const { answers, ask } = await openRegistry()
  const tables = await host.loader.registry(owner)
  tables.daemons.set('d', rowOf('d'))
  const waiting: (() => void)[] = []
  host.wire.drain = () => new Promise((resolve) => waiting.push(resolve))
  for (let count = 0; count < pendingRequestsMax; count++) ask('drain', {})
  await expect.poll(() => waiting.length).toBe(pendingRequestsMax)
  ask('drain', {})
  expect(answers).toEqual(['BUSY'])
  for (const answer of waiting) answer()
  await expect.poll(() => answers.length).toBe(pendingRequestsMax + 1)
  ask('drain', {})
  await expect.poll(() => waiting.length).toBe(pendingRequestsMax + 1)
})

it('a beat is heard however many requests wait, and what it frees is looked at with a later one', async () => {
  const { units, answers, ask } = await openRegistry()
  for (let count = 0; count < pendingRequestsMax; count++) ask('bye', { session: 'other' })
  await clock.run(1000)
  ask('beat', { session: 's', running: [] })
  expect(answers).toEqual([JSON.stringify({ known: true })])
  expect(host.presence.get(`${owner}/d`)).toMatchObject({ seenAt: clock.monotonic(), running: 1 })
  expect(units).toHaveLength(pendingRequestsMax)
  units.pop()
  ask('beat', { session: 's', running: [] })
  expect(host.presence.get(`${owner}/d`)).toMatchObject({ running: 0 })
  expect(units.at(-1)?.what).toContain('a beat of d')
})

it('the end of a pull is put in line once, however often it is looked at, and again when nothing comes of it', async () => {
  const { registries, units } = await openRegistry()
  const tables = await host.loader.registry(owner)
  tables.daemons.set('script', rowOf('script', '_INBOX.a'))
  const ends = (): number => units.filter(({ what }) => what.includes('the end of pull script')).length
  for (let count = 0; count < 3; count++) {
    await registries.look()
    await clock.run(clock.monotonic() + 1000)
  }
  expect(ends()).toBe(1)
  await clock.run(clock.monotonic() + beatMs)
  await registries.look()
  expect(ends()).toBe(2)
})

it('what directives hold of their grants is asked from time to time, and not only when the registry is taken', async () => {
  const { registries, units } = await openRegistry()
  const audits = (): number => units.filter(({ what }) => what.startsWith('audit')).length
  await registries.look()
  expect(audits()).toBe(0)
  for (const expected of [1, 2]) {
    await clock.run(clock.monotonic() + registryAuditMs)
    await registries.look()
    await registries.look()
    expect(audits()).toBe(expected)
  }
})

it('a daemon has one lease of grace after its registry was taken, whatever was heard of it when it was held before', async () => {
  const { registries, units } = await openRegistry()
  host.store.registry = () => Promise.resolve({ daemons: [rowOf('d')], needs: [], grants: [] })
  await registries.close(() => true)
  // A hello that was in line is taken after its registry was closed.
  host.presence.set(`${owner}/d`, heardOf('d', clock.monotonic()))
  await clock.run(clock.monotonic() + 2 * daemonLeaseMs)
  await registries.open(owner)
  await registries.look()
  const losses = (): number => units.filter(({ what }) => what.includes('the loss of d')).length
  expect(losses()).toBe(0)
  await clock.run(clock.monotonic() + daemonLeaseMs)
  await registries.look()
  expect(losses()).toBe(1)
})

it('R43: a silent daemon is lost however slow the line is in which its loss waits', async () => {
  const { registries, units } = await openRegistry()
  const tables = await host.loader.registry(owner)
  tables.daemons.set('d', rowOf('d'))
  host.presence.set(`${owner}/d`, heardOf('d', clock.monotonic()))
  await clock.run(clock.monotonic() + daemonLeaseMs)
  for (let count = 0; count < 3; count++) {
    await registries.look()
    await clock.run(clock.monotonic() + 1000)
  }
  const losses = units.filter(({ what }) => what.includes('the loss of d'))
  expect(losses).toHaveLength(1)
  await losses[0]?.run(new Turn(host, new Draft()))
  expect(tables.daemons.has('d')).toBe(false)
})

it('R43: a silent daemon is lost with a later try when the commit of the first has failed', async () => {
  const { registries, units } = await openRegistry()
  const reread = async (): Promise<void> => {
    host.memory.forget()
    const { daemons } = await host.loader.registry(owner)
    daemons.set('d', rowOf('d'))
  }
  await reread()
  host.presence.set(`${owner}/d`, heardOf('d', clock.monotonic()))
  await clock.run(clock.monotonic() + daemonLeaseMs)
  await registries.look()
  const loss = units.find(({ what }) => what.includes('the loss of d'))
  // As the loop does when that commit is not answered: all is forgotten, and the unit runs again later. A sweep comes between.
  for (let time = 0; time < 2; time++) {
    const turn = new Turn(host, new Draft())
    await loss?.run(turn)
    expect(turn.draft.daemons.size).toBe(1)
    await reread()
    await registries.look()
  }
  // Nor is it forgotten when it is dropped from the line.
  await clock.run(clock.monotonic() + daemonLeaseMs)
  await registries.look()
  expect(units.filter(({ what }) => what.includes('the loss of d'))).toHaveLength(2)
})

it('R43: after a restore nobody else takes the name of a daemon that has its lease to say hello', async () => {
  const { registries } = await openRegistry()
  await registries.close(() => true)
  host.memory.registries.clear()
  const row = { ...rowOf('d'), home: 'home-of-d', at: 0 }
  host.store.registry = () => Promise.resolve({ daemons: [row], needs: [], grants: [] })
  await registries.open(owner)
  const hello = (home: string): Promise<unknown> =>
    helloDaemon(new Turn(host, new Draft()), owner, 'd', { ...helloOf(home), home }, { inbox: null, heardAt: 0 })
  await expect(hello('another')).rejects.toMatchObject({ code: 'NAME_TAKEN' })
  await expect(hello('home-of-d')).resolves.toMatchObject({ session: 'd' })
})

it('a registry settles from being taken over until its first audit after that, and its chart says so', async () => {
  const key = actorKey(owner, registryId)
  const audit = async (unit: Unit | undefined): Promise<string> => {
    await unit?.run(new Turn(host, new Draft()))
    const { live } = (await host.loader.actor(key)) ?? expect.unreachable()
    return live === null ? 'foreign' : statusOf(live)
  }
  for (let times = 0; times < 2; times++) {
    const { registries, units, taken } = await openRegistry()
    expect(await audit(taken)).toBe('settling')
    await clock.run(clock.monotonic() + registryAuditMs)
    await registries.look()
    expect(await audit(units.find(({ what }) => what.startsWith('audit')))).toBe('granting')
  }
})

const directive = `${owner}/x` as const
const needOf = (count: number) => {
  const lines = [{ role: 'worker' as const, labels: {}, executor: null, count, priority: 5, since: 0 }]
  return { type: 'need' as const, directive, lines, seen: 0 }
}
const suspectRelease = (id: string) => {
  const grants = [{ id, suspect: true, unspent: false }]
  return { type: 'release' as const, directive, grants }
}
/** The daemon `d` says hello, and a directive needs `count` slots: what has been granted. */
const helloWithNeed = async (turn: Turn, { slots, count }: { slots: number; count: number }) => {
  await helloDaemon(turn, owner, 'd', { ...helloOf('s'), slots }, { inbox: null, heardAt: 0 })
  await takeFromDirective(turn, needOf(count))
  return (await host.loader.registry(owner)).grants
}

it('R42: what a daemon loses all at once, by being started again, counts as one refusal or two, not as so many', async () => {
  const turn = new Turn(host, new Draft())
  const grants = await helloWithNeed(turn, { slots: 8, count: 8 })
  expect(grants.size).toBe(8)
  for (const id of [...grants.keys()]) await takeFromDirective(turn, suspectRelease(id))
  const { notBefore = Infinity } = host.presence.get(`${owner}/d`) ?? {}
  expect(notBefore - clock.monotonic()).toBeLessThanOrEqual(beatMs)
})

it('R42: a slot that is lost while its daemon waits for another reason is given to nobody before the next beat', async () => {
  const turn = new Turn(host, new Draft())
  const grants = await helloWithNeed(turn, { slots: 3, count: 9 })
  const giveBack = async (): Promise<void> => {
    const [id = expect.unreachable()] = [...grants.keys()]
    await takeFromDirective(turn, suspectRelease(id))
  }
  await giveBack()
  await giveBack()
  const presence = host.presence.get(`${owner}/d`) ?? expect.unreachable()
  host.presence.set(`${owner}/d`, { ...presence, waitsForBeat: false })
  await giveBack()
  await clock.run(presence.notBefore)
  await takeFromDirective(turn, needOf(9))
  expect(grants.size).toBe(0)
})

it('R41: a daemon that has done a task waits no longer for what it refused before', async () => {
  const turn = new Turn(host, new Draft())
  const { units, ask } = await openRegistry()
  const grants = await helloWithNeed(turn, { slots: 2, count: 9 })
  const [good = expect.unreachable()] = [...grants.keys()]
  const giveBack = async (id: string, suspect: boolean): Promise<void> =>
    takeFromDirective(turn, { type: 'release', directive, grants: [{ id, suspect, unspent: false }] })
  const refuse = () => giveBack([...grants.keys()].find((id) => id !== good) ?? expect.unreachable(), true)
  const beat = async (running: string[]): Promise<void> => {
    ask('beat', { session: 's', running })
    for (const unit of units.splice(0)) await unit.run(turn)
  }
  await refuse()
  await beat(['t'])
  await refuse()
  await clock.run(clock.monotonic() + beatMs)
  await beat(['t'])
  await refuse()
  await beat(['t'])
  expect(grants.size).toBe(1)
  await giveBack(good, false)
  await beat([])
  expect(grants.size).toBe(2)
})

it('R43: a silent daemon is lost though the tables of another owner cannot be read', async () => {
  const { registries, units } = await openRegistry()
  host.store.registry = () => Promise.reject(new Error('the store is away'))
  await expect(registries.open('another')).rejects.toThrow('away')
  await registries.close((each) => each === owner)
  const read = { daemons: [rowOf('d')], needs: [], grants: [] }
  host.memory.registries.clear()
  host.store.registry = (each) => (each === owner ? Promise.resolve(read) : Promise.reject(new Error('away')))
  await registries.open(owner)
  await clock.run(clock.monotonic() + daemonLeaseMs)
  await expect(registries.look()).rejects.toThrow('away')
  expect(units.map(({ what }) => what)).toContainEqual(expect.stringContaining('the loss of d'))
})

it('R43: a hello that is taken before the registry knows who is there, or after it was closed, takes nobody’s name', async () => {
  const { registries, units, answers, ask } = await openRegistry()
  const tables = await host.loader.registry(owner)
  tables.daemons.set('d', rowOf('d'))
  const isRefused = async (): Promise<void> => {
    ask('hello', helloOf('other'))
    await expect(units.pop()?.run(new Turn(host, new Draft()))).rejects.toMatchObject({ code: 'BUSY' })
    expect([tables.daemons.get('d')?.session, answers]).toEqual(['d', []])
  }
  await registries.close(() => true)
  await isRefused()
  let tell = (): void => undefined
  const read = new Promise<void>((resolve) => (tell = resolve))
  host.store.registry = () => read.then(() => ({ daemons: [{ ...rowOf('d'), at: 1 }], needs: [], grants: [] }))
  const opening = registries.open(owner)
  await isRefused()
  host.store.registry = () => Promise.reject(new Error('the store is away'))
  await expect(registries.open(owner)).rejects.toThrow('away')
  await isRefused()
  host.store.registry = () => read.then(() => ({ daemons: [{ ...rowOf('d'), at: 1 }], needs: [], grants: [] }))
  tell()
  await registries.look()
  await opening
  ask('hello', helloOf('other'))
  await expect(units.pop()?.run(new Turn(host, new Draft()))).rejects.toMatchObject({ code: 'NAME_TAKEN' })
})

it('an owner has so many daemons and pulls at most; one more is refused, and those that are there may say hello again', async () => {
  const tables = await host.loader.registry(owner)
  for (let count = 0; count < daemonCountMax; count++)
    tables.daemons.set(`d${count}`, rowOf(`d${count}`, count % 2 === 0 ? null : '_INBOX.a'))
  const hello = (name: string, inbox: string | null): Promise<unknown> =>
    helloDaemon(new Turn(host, new Draft()), owner, name, helloOf(name), { inbox, heardAt: 0 })
  for (const inbox of [null, '_INBOX.b'])
    await expect(hello('more', inbox)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      hint: expect.stringContaining(`${daemonCountMax}`),
    })
  await expect(hello('d0', null)).resolves.toMatchObject({ session: 'd0' })
  tables.daemons.delete('d1')
  await expect(hello('more', null)).resolves.toMatchObject({ session: 'more' })
})

it('R42: a daemon that refuses again and again is sent something ever less often, until it has done a task', async () => {
  const turn = new Turn(host, new Draft())
  await helloDaemon(turn, owner, 'd', helloOf('s'), { inbox: null, heardAt: 0 })
  const { grants } = await host.loader.registry(owner)
  const directive = `${owner}/x` as const
  const lines = [{ role: 'worker' as const, labels: {}, executor: null, count: 50, priority: 5, since: 0 }]
  await takeFromDirective(turn, { type: 'need', directive, lines, seen: 0 })
  const beat = async (): Promise<void> => {
    const presence = host.presence.get(`${owner}/d`) ?? expect.unreachable()
    host.presence.set(`${owner}/d`, { ...presence, seenAt: clock.monotonic(), waitsForBeat: false })
    await lookAgain(turn, owner, 'd', {})
  }
  /** Gives its grant back; how many beats pass before it has another. */
  const beatsUntilGrant = async (suspect: boolean): Promise<number> => {
    const [id = expect.unreachable()] = [...grants.keys()]
    await takeFromDirective(turn, { type: 'release', directive, grants: [{ id, suspect, unspent: false }] })
    for (let beats = 0; ; beats++) {
      if (grants.size > 0) return beats
      await clock.run(clock.monotonic() + beatMs)
      await beat()
    }
  }
  const waits: number[] = []
  for (let refused = 0; refused < 5; refused++) waits.push(await beatsUntilGrant(true))
  expect(waits).toEqual([1, 1, 2, 4, 8])
  expect(await beatsUntilGrant(false)).toBe(0)
  expect(await beatsUntilGrant(true)).toBe(1)
})

it('what a daemon was granted right before it took slots back does not count against those that it has left', async () => {
  const turn = new Turn(host, new Draft())
  await helloDaemon(turn, owner, 'd', { ...helloOf('s'), slots: 2, home: 'h' }, { inbox: null, heardAt: 0 })
  const directive = `${owner}/x` as const
  const lines = [{ role: 'worker' as const, labels: {}, executor: null, count: 2, priority: 5, since: 0 }]
  await takeFromDirective(turn, { type: 'need', directive, lines, seen: 0 })
  const { daemons, grants } = await host.loader.registry(owner)
  const found = (): string[] => {
    const codes: string[] = []
    const part = { owner, actor: null, daemons: [...daemons.values()], grants: [...grants.values()] }
    checkRegistry(part, (code) => void codes.push(code))
    return codes
  }
  expect([grants.size, found()]).toEqual([2, []])
  await lookAgain(turn, owner, 'd', { slots: 0 })
  expect([grants.size, found()]).toEqual([2, []])
  await helloDaemon(turn, owner, 'd', { ...helloOf('s'), home: 'h' }, { inbox: null, heardAt: 0 })
  expect([grants.size, daemons.get('d')?.slots, found()]).toEqual([2, 1, []])
})
