/**
 * What is written down before a private server is started: which program it is, and for which folder. A server is found by the
 * paths on its command line, and a copy in the place of its original, which has another name since, has the same.
 */
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import type { Program } from './find-program.ts'
import { idOf, isFor } from './folder-id.ts'
import type { Folders } from './folders.ts'
import { readIfThere, writePrivately } from './private-file.ts'

type Name = 'nats' | 'postgres'

export function writeStart(folders: Folders, name: Name, source: Program['source']): void {
  const { device, inode } = idOf(folders.root)
  writePrivately(startFile(folders, name), [source, device, inode].join('\n'))
}

/** Where the program of the last start came from. */
export function sourceOf(folders: Folders, name: Name): Program['source'] {
  return lastStart(folders, name)[0] === 'bundled' ? 'bundled' : 'system'
}

/** Whether the last start was one for this folder; that of a version which wrote nothing of that down is believed. */
export function isStartOurs(folders: Folders, name: Name): boolean {
  const [, device, inode] = lastStart(folders, name)
  return isFor(device === undefined || inode === undefined ? undefined : { device, inode }, folders.root)
}

/** Such a one is not to be taken over, nor may another run beside it: Postgres and NATS find some of their files by these paths at every use. */
export function refuseServerOfAnother({ root }: Folders, { pid }: { pid: number }): never {
  throw new WritError('REFUSED', `process ${pid} runs by the paths of ${root}, for the folder that was here before`, {
    hint: 'it still writes by these paths: give that folder its name back, end it with writ down, and put this one in its place then',
  })
}

const lastStart = (folders: Folders, name: Name): string[] => (readIfThere(startFile(folders, name)) ?? '').split('\n')

const startFile = ({ run }: Folders, name: Name): string => join(run, `${name}.source`)
