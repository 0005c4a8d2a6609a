/** Logs are cut while their processes run: our own, and those that a server of ours appends to. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openLog } from '../../src/cli/log-file.ts'
import { keepShort } from '../../src/embedded/log-length.ts'
import { logBytesMax } from '../../src/protocol/limits.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-length-'))
  file = join(folder, 'a.log')
})
afterEach(() => rmSync(folder, { recursive: true }))

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n')

it('the log of a node is set aside whenever it would grow too long, one file of it is kept, and no line between is lost', async () => {
  const log = openLog(file)
  const rest = 'x'.repeat(99_990)
  for (let at = 0; at < 250; at++) {
    log.line(`${String(at).padStart(8, '0')} ${rest}`)
    if (at % 10 === 0) await new Promise((done) => setImmediate(done))
  }
  await log.close()
  for (const path of [file, `${file}.1`]) expect(sizeOf(path)).toBeLessThanOrEqual(logBytesMax)
  const numbers = [...linesOf(`${file}.1`), ...linesOf(file)].map((text) => Number(text.slice(0, 8)))
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => 250 - numbers.length + at))
  expect(numbers.length).toBeGreaterThan(logBytesMax / 100_000)
})

it('what is there of a log at its opening counts', async () => {
  writeFileSync(file, 'x'.repeat(logBytesMax))
  const log = openLog(file)
  log.line('the first')
  await log.close()
  expect(linesOf(file)).toEqual(['the first'])
  expect(sizeOf(`${file}.1`)).toBe(logBytesMax)
})

it('the log that a server appends to is set aside while it runs, and the server goes on at its beginning', async () => {
  writeFileSync(file, 'x'.repeat(logBytesMax))
  const fd = openSync(file, 'a')
  const server = spawn('sh', ['-c', 'while read -r line; do echo "$line"; done'], { stdio: ['pipe', fd, fd] })
  closeSync(fd)
  const ended = new Promise((done) => server.once('exit', done))
  keepShort(file, ended, 10)
  server.stdin?.write('one too many\n')
  await vi.waitFor(() => expect([sizeOf(file), sizeOf(`${file}.1`)]).toEqual([0, logBytesMax + 13]), 10_000)
  server.stdin?.write('and on\n')
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe('and on\n'), 10_000)
  server.stdin?.end()
  await ended
})

it('a log that several look after is set aside once: none puts what another has just emptied in the place of what was set aside', async () => {
  let end = (): void => undefined
  const ended = new Promise<void>((done) => (end = done))
  for (let lookers = 0; lookers < 8; lookers++) keepShort(file, ended, 5)
  for (let round = 0; round < 20; round++) {
    writeFileSync(file, String(round % 10).repeat(logBytesMax + 1))
    await vi.waitFor(() => expect(sizeOf(file)).toBe(0), { timeout: 10_000, interval: 5 })
    expect(sizeOf(`${file}.1`)).toBe(logBytesMax + 1)
  }
  end()
})
