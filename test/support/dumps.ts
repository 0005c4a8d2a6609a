/** Copies of databases as `pg_dump` and `pg_restore` make them, where this machine has a whole Postgres: the one that comes with Writ is without them. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { wipe } from '../../src/embedded/down.ts'
import { findPostgres } from '../../src/embedded/find-postgres.ts'
import { dataFolder } from '../../src/embedded/folders.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'

export interface DumpedServer {
  /** An empty database. */
  database: () => Promise<string>
  /** A dump of this database, restored into another one. */
  copied: (url: string) => Promise<string>
  stop: () => Promise<void>
}

/** Where its programs are; null where there are none. */
export const dumpPrograms = ((): string | null => {
  try {
    const { file } = findPostgres({ programs: '', user: undefined, path: process.env['PATH'], packageFolder: null })
    return existsSync(join(dirname(file), 'pg_dump')) ? dirname(file) : null
  } catch {
    return null
  }
})()

export const startDumped = async (): Promise<DumpedServer> => {
  const folders = dataFolder({ dataDir: mkdtempSync(join(tmpdir(), 'writ-dumps-')), env: {} })
  const server = await startPostgres({ folders, log: () => undefined, port: 0, durable: false, packageFolder: null })
  const run = (program: string, ...args: string[]) => promisify(execFile)(join(dumpPrograms ?? '', program), args)
  let made = 0
  const database = async (): Promise<string> => {
    const name = `test_${++made}`
    const sql = postgres(server.url, { max: 1, onnotice: () => undefined })
    await sql.unsafe(`create database ${name} template template0`)
    await sql.end()
    const url = new URL(server.url)
    url.pathname = `/${name}`
    return url.href
  }
  return {
    database,
    copied: async (url) => {
      const [copy, file] = [await database(), join(folders.root, 'dump')]
      await run('pg_dump', '--format=custom', `--file=${file}`, url)
      await run('pg_restore', '--exit-on-error', `--dbname=${copy}`, file)
      return copy
    },
    stop: async () => {
      await server.stop()
      await wipe(folders)
    },
  }
}
