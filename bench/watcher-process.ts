/** Somebody who watches through a node's inspector, in a process of its own. */
import { WebSocket } from 'ws'
import { serve } from './child.ts'

let socket: WebSocket | null = null
let frames = 0
let closed: string | null = null
const actors = new Set<string>()

const watch = async ({ url, reads }: { url: string; reads: boolean }): Promise<void> => {
  const opened = new WebSocket(url, { perMessageDeflate: false })
  ;[socket, frames, closed] = [opened, 0, null]
  actors.clear()
  opened.on('message', (data: Buffer) => {
    frames++
    const { type, sessionId } = JSON.parse(data.toString()) as { type: string; sessionId?: string }
    if (type === '@xstate.actor' && sessionId !== undefined) actors.add(sessionId)
  })
  opened.on('close', (code, reason) => (closed = `${code} ${reason.toString()}`))
  await new Promise((resolve) => opened.once('open', resolve))
  if (!reads) opened.pause()
}

/** One that was dropped learns of it once it reads again. */
const end = async (): Promise<object> => {
  socket?.resume()
  await new Promise((resolve) => setTimeout(resolve, 500))
  const seen = { frames, actors: actors.size, closed }
  socket?.terminate()
  return seen
}

serve({ start: () => undefined, watch, end, stop: () => socket?.terminate() })
