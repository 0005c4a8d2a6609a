/** A database outside of its data folder belongs to one folder: this one, whatever it is called, and none of its copies. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { finishMove, makeReachable, movingLink, newMaking } from '../../src/embedded/cluster-move.ts'
import { clusterFolder, refuseForeignPlace, temporaryPlace } from '../../src/embedded/cluster-place.ts'
import { wipe } from '../../src/embedded/down.ts'
import { dataFolder, type Folders, locateFolder } from '../../src/embedded/folders.ts'
import { otherUser } from '../../src/embedded/other-user.ts'
import { claimPlace, isOurs, refuseRemoval, setOwner } from '../../src/embedded/place-owner.ts'
import { call } from '../cli/call.ts'
import { failure } from '../support/failure.ts'

/** A folder that never gets empty. */
const disk = vi.hoisted(() => ({ writtenTo: '' }))
vi.mock(import('node:fs'), async (original) => {
  const real = await original()
  const rmSync: typeof real.rmSync = (path, options) => {
    if (path === disk.writtenTo) throw Object.assign(new Error('ENOTEMPTY'), { code: 'ENOTEMPTY' })
    real.rmSync(path, options)
  }
  return { ...real, rmSync }
})

let scratch: string
let place: string
let root: string
let copy: string
let lines: string[]

beforeEach(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'writ-places-')))
  ;[place, root, copy] = ['place', 'data', 'copy'].map((name) => join(scratch, name)) as [string, string, string]
  for (const folder of [place, root]) mkdirSync(folder)
  symlinkSync(place, join(root, 'postgres'))
  lines = []
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

const log = (line: string): void => void lines.push(line)
const claim = (folder: string): void => claimPlace(place, folder, log)
const recordFile = (): string => join(place, 'data-folder.json')
const recorded = (): { folder: string; device: string } =>
  JSON.parse(readFileSync(recordFile(), 'utf8')) as { folder: string; device: string }
const copied = (): void => void execFileSync('cp', ['-a', root, copy])

describe('a folder `postgres`', () => {
  /** The one file of somebody's in it, in the folder that it is kept in; the log tells where. */
  const keptDump = (): string => {
    const kept = readdirSync(root).filter((name) => name.startsWith('postgres.before-'))
    expect(kept).toHaveLength(1)
    const folder = join(root, kept[0] ?? '')
    expect(lines).toContain(`what is not of this database is kept in ${folder}`)
    return readFileSync(join(folder, 'a-dump'), 'utf8')
  }
  const postgres = (): string => join(root, 'postgres')
  beforeEach(() => {
    rmSync(postgres())
    mkdirSync(postgres())
    writeFileSync(join(postgres(), 'a-dump'), 'of somebody')
  })

  it('from which the database moves is kept under another name with whatever else is in it', async () => {
    mkdirSync(join(postgres(), 'cluster'))
    symlinkSync(place, movingLink(postgres()))
    await finishMove(postgres(), log)
    expect([realpathSync(postgres()), readdirSync(place)]).toEqual([place, ['cluster']])
    expect(keptDump()).toBe('of somebody')
  })

  const cluster = (inside: string, which: string): void => {
    mkdirSync(join(inside, 'cluster'))
    writeFileSync(join(inside, 'cluster', 'which'), which)
  }
  const folders = (): Folders => locateFolder({ dataDir: root, env: {} })

  it('into which somebody put a database of before while a move was not ended keeps that under another name', async () => {
    cluster(place, 'moved')
    cluster(postgres(), 'of somebody')
    setOwner(place, root)
    symlinkSync(place, movingLink(postgres()))
    const found = await clusterFolder(folders(), undefined, log)
    expect(readFileSync(join(found, 'which'), 'utf8')).toBe('moved')
    expect(keptDump()).toBe('of somebody')
    const [kept = ''] = readdirSync(root).filter((name) => name.startsWith('postgres.before-'))
    expect(readFileSync(join(root, kept, 'cluster', 'which'), 'utf8')).toBe('of somebody')
  })

  it('keeps its database where a move of it was begun to a place that is gone, or to that of another folder', async () => {
    cluster(postgres(), 'whole')
    mkdirSync(copy)
    setOwner(place, copy)
    for (const lost of [join(scratch, 'gone'), place]) {
      symlinkSync(lost, movingLink(postgres()))
      refuseForeignPlace(folders())
      const found = await clusterFolder(folders(), undefined, log)
      expect([found, readdirSync(root)]).toEqual([join(postgres(), 'cluster'), ['postgres']])
    }
  })

  it('that is gone with the place to which it was moved is told as that', async () => {
    rmSync(postgres(), { recursive: true })
    symlinkSync(join(scratch, 'gone'), movingLink(postgres()))
    await expect(clusterFolder(folders(), undefined, log)).rejects.toThrow('the database is gone')
  })

  it.runIf(process.getuid?.() === 0)(
    'in which no database is, and which the user cannot enter as whom Postgres runs, is kept under another name',
    async () => {
      const user = otherUser() ?? expect.unreachable()
      chmodSync(scratch, 0o700)
      await makeReachable(locateFolder({ dataDir: root, env: {} }), user, log)
      const made = realpathSync(postgres())
      rmSync(made, { recursive: true })
      expect(made.startsWith(scratch)).toBe(false)
      expect(keptDump()).toBe('of somebody')
    },
  )
})

it('what a kill has left, and what is still written to, is left to the next start by this one', () => {
  const left = join(place, 'cluster.making-1-left')
  for (const name of [left, join(place, 'cluster.making-2')]) mkdirSync(name)
  disk.writtenTo = left
  expect(existsSync(newMaking(place))).toBe(false)
  expect(readdirSync(place)).toEqual(['cluster.making-1-left'])
  disk.writtenTo = ''
  newMaking(place)
  expect(readdirSync(place)).toEqual([])
})

describe('a link `postgres` of a person', () => {
  const removed = async (): Promise<void> => {
    const folders = dataFolder({ dataDir: root, env: {} })
    await clusterFolder(folders, undefined, log)
    for (const name of ['cluster', 'cluster.making-1-a']) {
      mkdirSync(join(place, name))
      writeFileSync(join(place, name, 'PG_VERSION'), '18')
    }
    await wipe(folders)
  }

  it('to a folder with other things in it takes along of them what is ours when the data folder is removed', async () => {
    mkdirSync(join(place, 'photos'))
    writeFileSync(join(place, 'photos', 'mine'), 'mine')
    await removed()
    expect([existsSync(root), readdirSync(place, { recursive: true })]).toEqual([false, ['photos', 'photos/mine']])
  })

  it('to a folder of its own takes it along', async () => {
    await removed()
    expect([existsSync(root), existsSync(place)]).toEqual([false, false])
  })
})

it('a database of root in the folder for temporary files is told as that, at each start and by writ doctor', async () => {
  vi.stubEnv('TMPDIR', scratch)
  onTestFinished(() => void vi.unstubAllEnvs())
  const temporary = join(scratch, 'writ-root', 'postgres-1')
  mkdirSync(temporary, { recursive: true })
  rmSync(join(root, 'postgres'))
  symlinkSync(temporary, join(root, 'postgres'))
  chmodSync(root, 0o700)
  const said = `lies in ${temporary}, since root could not write /var/lib/writ: it may be gone after a restart of this machine`
  const folders = locateFolder({ dataDir: root, env: {} })
  for (const _ of ['a start', 'another']) await clusterFolder(folders, undefined, log)
  expect(lines).toEqual(Array(2).fill(`the database of ${root} ${said} (docs/backup.md)`))
  const { out } = await call(['doctor', '--json'], { env: { PATH: process.env['PATH'] ?? '', WRIT_HOME: root } })
  expect((JSON.parse(out) as { findings: object[] }).findings).toContainEqual({
    what: 'data folder',
    state: 'note',
    found: `${root}; its database ${said}`,
    remedy: 'bring it to another place: docs/backup.md',
  })
})

it('a database is not told as one for temporary files for the name of a folder alone', () => {
  vi.stubEnv('TMPDIR', scratch)
  onTestFinished(() => void vi.unstubAllEnvs())
  const told = (folder: string): string | undefined => temporaryPlace(locateFolder({ dataDir: folder, env: {} }))
  const [own, elsewhere] = [join(scratch, 'writ-root'), join(scratch, 'my', 'writ-root')]
  for (const folder of [own, elsewhere]) mkdirSync(join(folder, 'postgres'), { recursive: true })
  expect([told(own), told(elsewhere)]).toEqual([undefined, undefined])
  for (const folder of [own, elsewhere]) {
    rmSync(join(root, 'postgres'))
    symlinkSync(join(folder, 'postgres'), join(root, 'postgres'))
    expect(told(root)).toBe(folder === own ? join(own, 'postgres') : undefined)
  }
})

describe('a data folder', () => {
  it('keeps its database when it gets another name, and the copy that it had keeps none', () => {
    setOwner(place, root)
    copied()
    const moved = join(scratch, 'moved')
    renameSync(root, moved)
    expect(isOurs(place, copy)).toBe(false)
    claim(moved)
    expect([recorded().folder, lines]).toEqual([moved, []])
  })

  it('gets no database of a folder on another disk, moved or copied: that one may only have another name', () => {
    setOwner(place, root)
    copied()
    writeFileSync(recordFile(), JSON.stringify({ ...recorded(), device: 'another' }))
    mkdirSync(join(place, 'cluster'))
    rmSync(root, { recursive: true })
    const adopt = `if ${copy} is to have this one, remove ${recordFile()} first`
    expect(failure(() => claim(copy))).toMatchObject({
      code: 'REFUSED',
      hint: expect.stringContaining(adopt) as string,
    })
    expect(failure(() => refuseRemoval(place, copy)).message).toContain(`belongs to the data folder ${root}`)
    expect([isOurs(place, copy), recorded().folder]).toEqual([false, root])
    rmSync(recordFile())
    claim(copy)
    refuseRemoval(place, copy)
  })

  it('that the system knows by another number since a restart removes its database once a start has gone on with it', () => {
    mkdirSync(join(place, 'cluster'))
    setOwner(place, root)
    writeFileSync(recordFile(), JSON.stringify({ ...recorded(), device: 'another' }))
    expect(failure(() => refuseRemoval(place, root))).toMatchObject({
      code: 'REFUSED',
      hint: `nothing was removed; rm -r ${root} removes this folder alone; if it is to have that database, start it once with writ up, and then wipe it`,
    })
    claim(root)
    refuseRemoval(place, root)
  })

  it('does not remove a database of which nothing says whose it is, until a start has written it down', () => {
    mkdirSync(join(place, 'cluster'))
    expect(failure(() => refuseRemoval(place, root))).toMatchObject({
      code: 'REFUSED',
      message: `nothing says which data folder the database in ${place} belongs to`,
      hint: 'nothing was removed; start the folder that it is for once with writ up, which writes that down beside it',
    })
    claim(root)
    refuseRemoval(place, root)
  })

  it('from before such words were written down gets its own, before any copy of it', () => {
    copied()
    claim(root)
    expect(recorded().folder).toBe(root)
    expect(() => claim(copy)).toThrow('belongs to')
  })
})

describe('a copy with only the link', () => {
  beforeEach(() => {
    setOwner(place, root)
    copied()
  })

  it('is refused with the lines that give it a database, which do', () => {
    const hint =
      `a copy gets the database by this, while nothing runs on ${root}: ` +
      `rm ${copy}/postgres && cp -aL ${root}/postgres ${copy}/postgres`
    const refused = {
      code: 'REFUSED',
      message: `the database in ${place} belongs to the data folder ${root}: ${copy} holds only a link to it`,
      hint,
    }
    expect(failure(() => claim(copy))).toMatchObject(refused)
    expect(failure(() => refuseForeignPlace(locateFolder({ dataDir: copy, env: {} })))).toMatchObject(refused)
    expect(recorded().folder).toBe(root)
    execFileSync('sh', ['-c', hint.split(': ')[1] ?? ''])
    refuseForeignPlace(locateFolder({ dataDir: copy, env: {} }))
  })

  it('is a problem for writ doctor', async () => {
    const env = { PATH: process.env['PATH'] ?? '', WRIT_HOME: copy }
    const { out } = await call(['doctor', '--json'], { env })
    const found = expect.stringContaining(`belongs to the data folder ${root}`) as string
    const remedy = expect.stringContaining('cp -aL') as string
    expect((JSON.parse(out) as { findings: object[] }).findings).toContainEqual({
      what: 'Postgres',
      state: 'problem',
      found,
      remedy,
    })
  })

  it('may not take the database along when it is removed', () => {
    expect(failure(() => refuseRemoval(place, copy))).toMatchObject({
      code: 'REFUSED',
      hint: `nothing was removed; rm -r ${copy} removes this folder alone; if it is to have that database, remove ${recordFile()} first`,
    })
    refuseRemoval(place, root)
  })

  it('hears how it gets the database of a folder that is no more, and gets it so', () => {
    rmSync(root, { recursive: true })
    expect(failure(() => claim(copy)).hint).toBe(
      `${root} is there no more, or has another database; if ${copy} is to have this one, remove ${recordFile()} first`,
    )
    rmSync(recordFile())
    claim(copy)
    expect(recorded().folder).toBe(copy)
  })

  it('in the place of the original goes on with its database and says so, but does not remove it before', () => {
    renameSync(root, join(scratch, 'before'))
    renameSync(copy, root)
    expect(failure(() => refuseRemoval(place, root)).message).toContain('belongs to the folder that was here before')
    claim(root)
    expect(lines).toEqual([expect.stringContaining(`${root} was put in the place of another`)])
    refuseRemoval(place, root)
    expect(() => claim(join(scratch, 'before'))).toThrow('belongs to')
  })
})
