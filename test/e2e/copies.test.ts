/**
 * Data folders of root that are copied, put back and removed, while the database lies outside of them: Postgres runs as another
 * user, who cannot enter them. Only root has such folders.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clusterFolder } from '../../src/embedded/cluster-place.ts'
import { stopAll, wipe } from '../../src/embedded/down.ts'
import { dataFolder, type Folders } from '../../src/embedded/folders.ts'
import { living } from '../../src/embedded/living.ts'
import { otherUser } from '../../src/embedded/other-user.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import type { Server } from '../../src/embedded/server.ts'
import { call } from '../cli/call.ts'

const isRoot = process.getuid?.() === 0
const project = resolve(import.meta.dirname, '../..')
/** A disk of its own, so that nothing can be moved from there by a new name alone. */
const otherDisk = '/dev/shm'
const hasOtherDisk = isRoot && existsSync(otherDisk) && statSync(otherDisk).dev !== statSync('/var/lib').dev

let scratch: string
let lines: string[] = []
/** Where databases lay: gone at the end, whatever a test has come to. */
const places = new Set<string>()

const at = (name: string): string => join(scratch, name)
const foldersAt = (root: string): Folders => dataFolder({ dataDir: root, env: {} })
const postgresAt = (root: string): Promise<Server> =>
  startPostgres({ folders: foldersAt(root), log: (line) => void lines.push(line), port: 0, durable: false })

/** The server of this folder, with what is asked of it answered. */
const asked = async (root: string, text: string): Promise<{ server: Server; rows: unknown[] }> => {
  const server = await postgresAt(root)
  places.add(dirname(server.data))
  return { server, rows: await answer(server, text) }
}
const answer = async ({ url }: Server, text: string): Promise<unknown[]> => {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return [...(await sql.unsafe(text))]
  } finally {
    await sql.end()
  }
}
/** Once more from the beginning, and ended. */
const kept = async (root: string): Promise<unknown[]> => {
  const { server, rows } = await asked(root, 'select it from kept')
  await server.stop()
  return rows
}
const sh = (command: string): void => void execFileSync('sh', ['-c', command], { stdio: 'pipe' })

/** The lines of docs/backup.md that begin so, for these folders. */
const recipe = (start: string, from: string, to: string): string => {
  const all = readFileSync(join(project, 'docs/backup.md'), 'utf8').split('\n')
  const line = all.find((each) => each.trim().startsWith(start) && each.startsWith('    ')) ?? `no line ${start}`
  return line
    .trim()
    .replaceAll('~/.local/share/writ/default', from)
    .replaceAll('~/writ-copy', to)
    .replaceAll('~/writ-before', at('before'))
}
const copyAs = (from: string, to: string): void => {
  sh(recipe('cp -a ~/.local', from, to))
  sh(recipe('rm ~/writ-copy', from, to))
}

describe.skipIf(!isRoot)('a data folder of root that Postgres cannot enter (needs root)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'writ-copies-'))
    await (await asked(at('template'), 'create table kept as select 42 as it')).server.stop()
  })
  beforeEach(async () => {
    copyAs(at('template'), at('data'))
    // As a start does first.
    places.add(dirname(await clusterFolder(foldersAt(at('data')), otherUser(), () => undefined)))
    lines = []
  })
  afterEach(async () => {
    for (const name of ['data', 'copy', 'before']) {
      const { postgres } = foldersAt(at(name))
      await stopAll(foldersAt(at(name)))
      if (lstatSync(postgres, { throwIfNoEntry: false })?.isSymbolicLink() === true) places.add(readlinkSync(postgres))
      rmSync(at(name), { recursive: true, force: true })
    }
  })
  afterAll(() => {
    for (const folder of [...places, scratch]) rmSync(folder, { recursive: true, force: true })
  })

  test('that is copied as it is has no database: nothing starts on the copy, and the original goes on', async () => {
    const { server } = await asked(at('data'), 'select 1')
    sh(`cp -a ${at('data')} ${at('copy')}`)
    const refusal = {
      code: 'REFUSED',
      message: expect.stringContaining(`belongs to the data folder ${at('data')}`) as string,
    }
    await expect(postgresAt(at('copy'))).rejects.toMatchObject(refusal)
    expect(await stopAll(foldersAt(at('copy')))).toEqual([])
    await expect(wipe(foldersAt(at('copy')))).rejects.toMatchObject(refusal)
    const { code, err } = await call(['down', '--wipe', '--yes', '--data-dir', at('copy')])
    expect([code, err]).toEqual([4, expect.stringContaining(`hint: nothing was removed; rm -r ${at('copy')}`)])
    expect(readdirSync(at('copy'))).toContain('postgres')
    expect([living(server.pid)?.pid, await answer(server, 'select it from kept')]).toEqual([server.pid, [{ it: 42 }]])
  })

  test('gets no database on which a server runs of which nothing says for whom, until that one is stopped', async () => {
    const { server } = await asked(at('data'), 'select 1')
    rmSync(join(dirname(server.data), 'data-folder.json'))
    sh(`cp -a ${at('data')} ${at('copy')}`)
    for (const root of [at('copy'), at('data')]) {
      const message = `process ${server.pid} runs on the database in ${dirname(server.data)}, and nothing says that it is for ${root}`
      await expect(postgresAt(root)).rejects.toMatchObject({ code: 'REFUSED', message })
    }
    expect(await stopAll(foldersAt(at('copy')))).toEqual([])
    expect(await stopAll(foldersAt(at('data')))).toEqual([{ what: 'Postgres', pid: server.pid }])
    expect(await kept(at('data'))).toEqual([{ it: 42 }])
    await expect(postgresAt(at('copy'))).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test('is copied by docs/backup.md with its database: both run, one is removed, the other put back', async () => {
    copyAs(at('data'), at('copy'))
    const original = await asked(at('data'), 'insert into kept values (43)')
    // What was copied starts beside it: not this copy itself, which is to be put back.
    sh(`cp -a ${at('copy')} ${at('before')}`)
    const beside = await asked(at('before'), 'select it from kept')
    expect(beside.rows).toEqual([{ it: 42 }])
    expect(lines).toContainEqual(expect.stringMatching(/^the user \S+, as whom Postgres runs, cannot enter .*: moving/))
    await beside.server.stop()
    await wipe(foldersAt(at('before')))
    expect([existsSync(beside.server.data), existsSync(at('before'))]).toEqual([false, false])
    expect(await answer(original.server, 'select count(*)::int as it from kept')).toEqual([{ it: 2 }])
    await original.server.stop()
    sh(recipe('mv ~/.local', at('data'), at('copy')))
    sh(recipe('cp -a ~/writ-copy', at('data'), at('copy')))
    expect(await kept(at('data'))).toEqual([{ it: 42 }])
    expect(await kept(at('before'))).toEqual([{ it: 42 }, { it: 43 }])
    await wipe(foldersAt(at('before')))
    expect([existsSync(original.server.data), await kept(at('data'))]).toEqual([false, [{ it: 42 }]])
  })

  test('whose database lies among the temporary files is brought from there by docs/backup.md, and nothing of it stays', async () => {
    const place = readlinkSync(at('data/postgres'))
    sh(recipe('cd ~/.local', at('data'), at('copy')))
    expect([existsSync(place), readdirSync(at('data')).filter((name) => name.includes('postgres'))]).toEqual([
      false,
      ['postgres'],
    ])
    expect(await kept(at('data'))).toEqual([{ it: 42 }])
    expect(readlinkSync(at('data/postgres'))).not.toBe(place)
  })

  test('with a link to a database that is gone says so, and can be removed', async () => {
    const place = readlinkSync(at('data/postgres'))
    rmSync(place, { recursive: true })
    await expect(postgresAt(at('data'))).rejects.toMatchObject({
      code: 'REFUSED',
      message: `${at('data/postgres')} is a link to ${place}, where nothing is: the database is gone`,
      hint: expect.stringContaining('docs/backup.md') as string,
    })
    expect((await call(['down', '--wipe', '--yes', '--data-dir', at('data')])).code).toBe(0)
    expect(existsSync(at('data'))).toBe(false)
  })

  test('that the system knows by another number since a restart is removed with its database as the refusal says', async () => {
    const place = readlinkSync(at('data/postgres'))
    const record = join(place, 'data-folder.json')
    const owner = JSON.parse(readFileSync(record, 'utf8')) as object
    writeFileSync(record, JSON.stringify({ ...owner, device: 'another' }))
    const wiped = (): ReturnType<typeof call> => call(['down', '--wipe', '--yes', '--data-dir', at('data')])
    const { code, err } = await wiped()
    expect([code, err]).toEqual([4, expect.stringContaining('start it once with writ up, and then wipe it')])
    expect(await kept(at('data'))).toEqual([{ it: 42 }])
    expect((await wiped()).code).toBe(0)
    expect([existsSync(at('data')), existsSync(place)]).toEqual([false, false])
  })

  test('is copied without the owners of files, and Postgres can read it all the same', async () => {
    sh(`cp -rL ${at('data')} ${at('copy')}`)
    expect(statSync(at('copy/postgres/cluster')).uid).toBe(0)
    expect(await kept(at('copy'))).toEqual([{ it: 42 }])
  })

  test('is copied to where Postgres can get to it, and keeps its database there', async () => {
    copyAs(at('data'), at('copy'))
    chmodSync(scratch, 0o711)
    try {
      expect(await kept(at('copy'))).toEqual([{ it: 42 }])
      expect(lstatSync(at('copy/postgres')).isDirectory()).toBe(true)
    } finally {
      chmodSync(scratch, 0o700)
    }
  })

  test('has a move of its database ended that was killed, after whichever step', async () => {
    // Nothing of it is elsewhere; all of it; and all of it, with what was copied still here, which somebody may have put there.
    for (const step of ['begun', 'moved', 'copied']) {
      copyAs(at('data'), at('copy'))
      const place = readlinkSync(at('data/postgres'))
      rmSync(join(place, 'cluster'), { recursive: true })
      symlinkSync(place, at('data/postgres.moving'))
      rmSync(at('data/postgres'))
      mkdirSync(at('data/postgres'))
      const from = at('copy/postgres/cluster')
      if (step !== 'moved') sh(`cp -a ${from} ${at('data/postgres')}`)
      if (step !== 'begun') sh(`cp -a ${from} ${place}`)
      expect(await kept(at('data')), step).toEqual([{ it: 42 }])
      expect([readlinkSync(at('data/postgres')), existsSync(at('data/postgres.moving'))]).toEqual([place, false])
      const beside = readdirSync(at('data')).filter((name) => name.startsWith('postgres.'))
      expect(beside, step).toHaveLength(step === 'copied' ? 1 : 0)
      for (const name of beside) expect(readdirSync(at(`data/${name}`))).toEqual(['cluster'])
      rmSync(at('copy'), { recursive: true })
    }
  })

  test.skipIf(!hasOtherDisk)('on another disk has its database copied from there', async () => {
    const there = mkdtempSync(join(otherDisk, 'writ-copies-'))
    try {
      copyAs(at('data'), join(there, 'copy'))
      expect(await kept(join(there, 'copy'))).toEqual([{ it: 42 }])
      expect(lstatSync(join(there, 'copy/postgres')).isSymbolicLink()).toBe(true)
      expect(readdirSync(join(there, 'copy')).filter((name) => name.startsWith('postgres'))).toEqual(['postgres'])
      renameSync(at('data'), at('before'))
      sh(`mv ${join(there, 'copy')} ${at('data')}`)
      // Moved to another disk, it might as well be a copy.
      const record = join(realpathSync(at('data/postgres')), 'data-folder.json')
      const hint = expect.stringContaining(`remove ${record} first`) as string
      await expect(postgresAt(at('data'))).rejects.toMatchObject({ code: 'REFUSED', hint })
      rmSync(record)
      expect(await kept(at('data'))).toEqual([{ it: 42 }])
    } finally {
      rmSync(there, { recursive: true, force: true })
    }
  })
})
