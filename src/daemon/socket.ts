/**
 * A task's only way to Writ: a unix socket that takes one line of JSON and answers with one. The token says which attempt
 * asks, and with it which contract and directive it may speak to; a task never sees the daemon's credentials.
 */
import { createHash, randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPayload, decode } from '../bus/json.ts'
import { readAddress } from '../bus/subjects.ts'
import { WritError } from '../protocol/errors.ts'
import { directiveOf, readTaskId } from '../protocol/ids.ts'
import { payloadBytesMax } from '../protocol/limits.ts'
import type { Spawn } from '../protocol/task.ts'
import { socketRequest } from './socket-client.ts'
import type { SocketRequest } from './socket-client.ts'
import type { Wire } from './wire.ts'

/** The shortest limit of a socket's path that an operating system has is 104 bytes. */
const pathBytesMax = 100
const idleMs = 30_000
const connectionsMax = 1000

/** What a token opens. */
interface Holder {
  spawn: Spawn
  progress: (text: string | undefined) => void
}

export interface TaskSocket {
  path: string
  /** A token for one attempt, good until `close`. */
  admit: (holder: Holder) => { token: string; close: () => void }
  close: () => Promise<void>
}

/** Opens the socket in a folder that only this user can enter. `id`: of the daemon's home, so that a restart finds its folder again. */
export const openSocket = async (wire: Wire, id: string, env: NodeJS.ProcessEnv): Promise<TaskSocket> => {
  const folder = makeFolder(id, env)
  const path = join(folder, 's')
  const holders = new Map<string, Holder>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, (line) => answer(line, holders, wire))
  })
  server.maxConnections = connectionsMax
  await listening(server, path)
  return {
    path,
    admit: (holder) => {
      const token = randomBytes(24).toString('base64url')
      holders.set(hashOf(token), holder)
      return { token, close: () => void holders.delete(hashOf(token)) }
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Looked up by hash, so that the time of a look-up tells nothing about a token. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

const makeFolder = (id: string, env: NodeJS.ProcessEnv): string => {
  const places = [env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp'].flatMap((place) =>
    place === undefined || place === '' ? [] : [place],
  )
  const folders = places
    .map((place) => join(place, `writ-${id}`))
    .filter((folder) => Buffer.byteLength(join(folder, 's')) <= pathBytesMax)
  const made = folders.find(ownFolder)
  if (made !== undefined) return made
  throw new WritError('INTERNAL', `there is no folder for the tasks' socket: ${places.join(', ')}`, {
    hint: 'set TMPDIR to a folder with a short path that this user can write to',
  })
}

/** Makes it, or empties the one that a predecessor left; false when it is somebody else's or cannot be made. */
const ownFolder = (folder: string): boolean => {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: false })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
  }
  const { uid, mode } = lstatSync(folder)
  if (uid !== process.getuid?.() || (mode & 0o170777) !== 0o040700) return false
  rmSync(join(folder, 's'), { force: true })
  return true
}

const listening = (server: Server, path: string): Promise<void> =>
  new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(path, done)
  })

/** Reads one line, answers it, and hangs up. */
const serve = (socket: Socket, reply: (line: Buffer) => Promise<object>): void => {
  const pieces: Buffer[] = []
  let bytes = 0
  socket.setTimeout(idleMs, () => socket.destroy())
  // The task may have ended in the middle: then nobody waits for the answer.
  socket.on('error', () => socket.destroy())
  socket.on('data', (piece: Buffer) => {
    const end = piece.indexOf(0x0a)
    pieces.push(end === -1 ? piece : piece.subarray(0, end))
    bytes += piece.length
    if (end === -1 && bytes <= payloadBytesMax) return
    socket.removeAllListeners('data')
    void reply(Buffer.concat(pieces)).then((body) => socket.end(`${JSON.stringify(body)}\n`))
  })
}

const answer = async (line: Buffer, holders: ReadonlyMap<string, Holder>, wire: Wire): Promise<object> => {
  try {
    const request = checkPayload(socketRequest, decode(line))
    const holder = holders.get(hashOf(request.token))
    if (holder === undefined)
      throw new WritError('UNAUTHORIZED', 'this token opens nothing', {
        hint: 'a token is good while its attempt runs',
      })
    return ((await pass(request, holder, wire)) ?? {}) as object
  } catch (error) {
    const known = error instanceof WritError ? error : new WritError('INTERNAL', String(error), { cause: error })
    return { error: known.body }
  }
}

const pass = (request: SocketRequest, { spawn, progress }: Holder, wire: Wire): unknown => {
  const { verb, body } = request
  switch (verb) {
    case 'files':
    case 'file':
      return wire.contract(readable(request.contract, spawn), verb, body)
    case 'put':
    case 'finish':
      refuseForeign(request.contract, spawn)
      return wire.contract(spawn.contract.address, verb, body)
    case 'get':
      return wire.directive(spawn.directive.address, verb, body)
    case 'plan':
      if (spawn.task.role === 'planner') return wire.directive(spawn.directive.address, verb, body)
      throw new WritError('UNAUTHORIZED', `a ${spawn.task.role} does not submit a plan`, {
        hint: 'only a planner does',
      })
    case 'progress':
      return progress(typeof body['text'] === 'string' ? body['text'] : undefined)
  }
}

/** What a task writes is its own: naming another contract is no way around it, and no slip that goes unnoticed. */
const refuseForeign = (named: string | undefined, { contract }: Spawn): void => {
  if (named === undefined || named === contract.id || named === contract.address) return
  throw new WritError('UNAUTHORIZED', "a task writes files into its own contract only, and completes no other's", {
    hint: 'leave out --contract',
  })
}

/** Its own contract, or another one of the same directive (whose shard is the same). */
const readable = (named: string | undefined, spawn: Spawn): string => {
  if (named === undefined || named === spawn.contract.id) return spawn.contract.address
  const { shard } = readAddress(spawn.contract.address)
  const id = named.startsWith(`${shard}.`) ? named.slice(shard.length + 1) : named
  if (readTaskId(id)?.kind === 'contract' && directiveOf(id) === spawn.directive.id) return `${shard}.${id}`
  throw new WritError('NOT_FOUND', 'there is no such contract in this directive', {
    hint: 'a task reads the files of its own directive',
  })
}
