/** The migrations that this build carries: numbered SQL files beside this module, never changed once released. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export interface Migration {
  version: number
  name: string
  text: string
  /** SHA-256 of the text. */
  hash: string
}

const folder = new URL('./migrations/', import.meta.url)

/** In their order, from 1 without gaps. */
export const migrations = (): readonly Migration[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name, index) => read(name, index + 1))

const read = (name: string, version: number): Migration => {
  if (!name.startsWith(`${String(version).padStart(4, '0')}_`))
    throw new Error(`migration ${name} is not number ${version}`)
  const text = readFileSync(new URL(name, folder), 'utf8')
  return { version, name, text, hash: createHash('sha256').update(text).digest('hex') }
}
