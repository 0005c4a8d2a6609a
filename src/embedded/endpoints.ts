/** `run/endpoints.json`: where a running `writ up` can be reached, so that other commands on this machine need no flags. It holds credentials. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type FolderId, folderId, idOf, isFor } from './folder-id.ts'
import type { Folders } from './folders.ts'
import { living, stillLives } from './living.ts'
import { readIfThere, writePrivately } from './private-file.ts'

const login = z.object({ user: z.string(), password: z.string() })

const schema = z.object({
  /** The process that runs the node. */
  pid: z.number().int().positive(),
  started: z.string(),
  /** Writ's own version. */
  version: z.string(),
  /** The data folder. */
  data: z.string(),
  /** The same, as no copy of it is. */
  folder: folderId.optional(),
  /** URLs with credentials. */
  database: z.string(),
  nats: z.string(),
  natsWebsocket: z.string().optional(),
  http: z.string().optional(),
  /** NATS users by what they are for, as `client` or `daemon:<name>`. */
  users: z.record(z.string(), login).optional(),
})

export type Endpoints = z.infer<typeof schema>

/** Tells where this process can be reached; readable by the user alone. Answers for which folder. */
export function writeEndpoints(folders: Folders, endpoints: Omit<Endpoints, 'pid' | 'started' | 'folder'>): FolderId {
  const started = living(process.pid)?.started ?? 'unknown'
  const folder = idOf(folders.root)
  const text = JSON.stringify({ ...endpoints, folder, pid: process.pid, started }, null, 2)
  writePrivately(endpointsFile(folders), `${text}\n`)
  return folder
}

/** The endpoints of the process that runs on this data folder, or undefined when none does. */
export function readEndpoints(folders: Folders): Endpoints | undefined {
  const last = lastEndpoints(folders)
  return last !== undefined && stillLives(last) ? last : undefined
}

/** Those of the process that ran last, unless it has ended in order; never those of the folder that this one is a copy of. */
export function lastEndpoints(folders: Folders): Endpoints | undefined {
  const text = readIfThere(endpointsFile(folders))
  if (text === undefined) return undefined
  const last = schema.safeParse(JSON.parse(text)).data
  return last !== undefined && isFor(last.folder, folders.root) ? last : undefined
}

/** To be called when a process stops serving; by that itself with the folder that it wrote them for. */
export function removeEndpoints(folders: Folders, wroteFor?: FolderId): void {
  // That one may have another name by now, and what is in its place a process of its own.
  if (!existsSync(endpointsFile(folders)) || !isFor(wroteFor, folders.root)) return
  rmSync(endpointsFile(folders), { force: true })
}

function endpointsFile(folders: Folders): string {
  return join(folders.run, 'endpoints.json')
}
