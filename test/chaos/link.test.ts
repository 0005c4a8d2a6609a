import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Link, openLink } from './link.ts'

/** What has arrived at a server that answers everything with itself. */
let arrived = ''
let link: Link
const sockets: Socket[] = []
const server = createServer((socket) => {
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    arrived += data.toString()
    socket.write(data)
  })
})

beforeEach(async () => {
  arrived = ''
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  link = await openLink('a link', (server.address() as AddressInfo).port)
})
afterEach(async () => {
  await link.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  await new Promise<void>((resolve) => server.close(() => resolve()))
})

const joined = async (): Promise<{ socket: Socket; heard: () => string; closed: () => boolean }> => {
  const socket = connect(link.port, '127.0.0.1')
  sockets.push(socket)
  let [heard, closed] = ['', false]
  socket.on('data', (data) => (heard += data.toString()))
  socket.on('error', () => undefined)
  socket.on('close', () => (closed = true))
  await once(socket, 'connect')
  return { socket, heard: () => heard, closed: () => closed }
}

const exchanged = async (what: string): Promise<void> => {
  const { socket, heard } = await joined()
  socket.write(what)
  await vi.waitUntil(() => heard() === what)
}

test('a link that is well lets everything through, both ways', () => exchanged('hello'))

test('cut before: what is sent does not arrive, and the sender is told; what connects afterwards is well', async () => {
  const { socket, closed } = await joined()
  await vi.waitUntil(() => link.connections === 1)
  link.break('before')
  socket.write('lost')
  await vi.waitUntil(closed)
  link.heal()
  await exchanged('well')
  expect([arrived, link.cuts]).toEqual(['well', 1])
})

test('cut after: what is sent arrives, and its answer does not', async () => {
  const { socket, heard, closed } = await joined()
  await vi.waitUntil(() => link.connections === 1)
  link.break('after')
  socket.write('taken')
  await vi.waitUntil(closed)
  await vi.waitUntil(() => arrived === 'taken')
  expect(heard()).toBe('')
})

test('half open: nothing comes through and nobody is told, not even when all is well again', async () => {
  const { socket, heard, closed } = await joined()
  await vi.waitUntil(() => link.connections === 1)
  link.break('half-open')
  socket.write('lost')
  link.heal()
  await exchanged('well')
  expect([arrived, heard(), closed()]).toEqual(['well', '', false])
})

test('a trickle comes through whole and in order, and goes on at once when all is well', async () => {
  const text = Array.from({ length: 2000 }, (_, at) => at).join()
  const { socket, heard } = await joined()
  await vi.waitUntil(() => link.connections === 1)
  link.break('trickle')
  socket.write(text)
  await vi.waitUntil(() => heard().length > 0)
  expect(heard().length).toBeLessThan(text.length)
  link.heal()
  await vi.waitUntil(() => heard() === text)
})
