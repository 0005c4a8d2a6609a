/**
 * What is written down of the start of a private server: which program it is, for which folder, and once it answers, which process.
 * A server is found by the paths on its command line, and that of a folder which was here before, and has another name since, has the same.
 */
import { join } from 'node:path'
import { WritError } from '../protocol/errors.ts'
import { mustEnd } from './end-process.ts'
import type { Program } from './find-program.ts'
import { type FolderId, idOf, isFor } from './folder-id.ts'
import type { Folders } from './folders.ts'
import { keeperOf } from './keeper.ts'
import { living, type Living } from './living.ts'
import { isApart } from './pid-scope.ts'
import { readIfThere, writePrivately } from './private-file.ts'
import type { StartOptions, Stops } from './server.ts'

type Name = 'nats' | 'postgres'
type Process = Pick<Living, 'pid' | 'started'>

interface Start {
  source: Program['source']
  /** undefined in what older versions wrote, as is `root`. */
  folder: FolderId | undefined
  /** By which name the folder went, as JSON. */
  root: string | undefined
  /** undefined until the server has answered. */
  server: Process | undefined
}

/** Before a launch: whatever runs by our paths afterwards, and was not there before, is ours. */
export function writeStart(folders: Folders, name: Name, source: Program['source']): void {
  write(folders, name, [source])
}

/** Says which process it has come to, so that no other one is ever taken for it. */
export function writeStarted(folders: Folders, name: Name, source: Program['source'], server: Process): void {
  try {
    write(folders, name, [source, String(server.pid), server.started])
  } catch {
    // Nothing can be written any more, on a full disk say: nobody else would stop the server now, and what stands there finds it.
  }
}

/** Where the program of the last start came from. */
export function sourceOf(folders: Folders, name: Name): Program['source'] {
  return lastStart(folders, name).source
}

/**
 * Whether `one`, which runs by our paths, is of the last start for this folder. Who was killed before its server answered has
 * not said which that is, and older versions never did: there it is believed.
 */
export function isStartOurs(folders: Folders, name: Name, one: Process): boolean {
  const { folder, root, server } = lastStart(folders, name)
  if (!isFor(folder, folders.root)) return false
  if (server === undefined) return root === undefined || root === JSON.stringify(folders.root)
  return server.pid === one.pid && server.started === one.started
}

/** What the last start for this folder has come to, while it runs: also by the paths of a name that the folder had before. */
export function lastStarted(folders: Folders, name: Name): Living | undefined {
  const { folder, server } = lastStart(folders, name)
  if (server === undefined || !isFor(folder, folders.root)) return undefined
  const one = living(server.pid)
  return one?.started === server.started ? one : undefined
}

/** One by the paths of another name would be sought in vain by those of today, and get a second one beside it. Throws REFUSED when it does not end. */
export async function endMoved(
  { folders, log }: Pick<StartOptions, 'folders' | 'log'>,
  name: Name,
  stops: Stops,
  isHere: (one: Living) => boolean,
): Promise<void> {
  const one = lastStarted(folders, name)
  if (one === undefined || isHere(one)) return
  log(`${stops.name} that ran already is started anew: ${folders.root} had another name`)
  await mustEnd(stops.name, one, stops.gentle)
}

/** Such a one is not to be taken over, nor may another run beside it: Postgres and NATS find some of their files by these paths at every use. */
export function refuseServerOfAnother(folders: Folders, one: Process): never {
  throw serverOfAnother(folders, one)
}

/** The error that says so, for who only tells. */
export function serverOfAnother({ root }: Folders, { pid }: Process): WritError {
  const up = keeperOf(pid)
  const last = up === undefined ? `process ${pid}` : `writ up (process ${up}), which looks after it`
  if (isApart(pid)) {
    return new WritError('REFUSED', `process ${pid} runs by the paths of ${root}, in another container`, {
      hint: `writ down there ends it, and writ up there takes it over; where that container is no more in use, end ${last}`,
    })
  }
  return new WritError('REFUSED', `process ${pid} runs by the paths of ${root}, for the folder that was here before`, {
    hint:
      'it still writes by these paths: give that folder its name back, end it with writ down, and put this one in its place then; ' +
      `where that folder is no more, end ${last}`,
  })
}

function write({ root, run }: Folders, name: Name, [source, ...server]: string[]): void {
  const { device, inode } = idOf(root)
  writePrivately(startFile(run, name), [source, device, inode, JSON.stringify(root), ...server].join('\n'))
}

function lastStart({ run }: Folders, name: Name): Start {
  const [source, device, inode, root, pid, started] = (readIfThere(startFile(run, name)) ?? '').split('\n')
  return {
    source: source === 'bundled' ? 'bundled' : 'system',
    folder: device === undefined || inode === undefined ? undefined : { device, inode },
    root,
    server: pid === undefined || started === undefined ? undefined : { pid: Number(pid), started },
  }
}

const startFile = (run: string, name: Name): string => join(run, `${name}.source`)
