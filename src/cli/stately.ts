/**
 * The bridge to Stately's inspector: a page on this machine that holds Stately's page in a frame and hands it every frame that comes. What
 * is shown there is in the hands of that page, so the person is told before anything is sent.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WritError } from '../protocol/errors.ts'
import type { InspectionFrame } from '../protocol/inspection.ts'
import { bridgedFramesMax, slowWatcherBytes } from '../protocol/limits.ts'
import type { Context } from './context.ts'
import { Interrupted, interruptible } from './signals.ts'

type Watch = (take: (frame: InspectionFrame) => void, signal: AbortSignal) => Promise<void>

const statelyPage = 'https://stately.ai/inspect'

/** Serves until Ctrl-C. Throws BAD_INPUT when the page's address is none. */
export const serveStately = async (context: Context, page: string | true, watch: Watch): Promise<void> => {
  const { terminal, json } = context
  const target = pageOf(page === true ? statelyPage : page)
  const bridge = new Bridge(target)
  const url = await bridge.listen()
  try {
    await interruptible(async (signal) => {
      if (json) terminal.json({ url, page: target.href })
      else terminal.print(url)
      terminal.say(
        `Open it in a browser. What it shows leaves this machine: it is handed to the page of ${target.origin}.`,
      )
      terminal.say('Secrets are left out of it; goals, feedback and results are not. Ctrl-C to stop.')
      await watch((frame) => bridge.take(frame), signal)
      if (!signal.aborted) terminal.say('That was all of it; the page stays until Ctrl-C.')
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve())
        if (signal.aborted) resolve()
      })
      throw new Interrupted()
    })
  } finally {
    bridge.close()
  }
}

const pageOf = (text: string): URL => {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new WritError('BAD_INPUT', `${JSON.stringify(text.slice(0, 200))} is not the address of a page`, {
    hint: `as in ${statelyPage}`,
  })
}

class Bridge {
  readonly #page: URL
  /** Nobody else on this machine guesses the way to the page. */
  readonly #secret = randomBytes(16).toString('hex')
  readonly #server: Server
  readonly #readers = new Set<ServerResponse>()
  /** For a page that is opened later, or anew: actors first, then the latest frames. */
  readonly #actors = new Map<string, InspectionFrame>()
  #latest: InspectionFrame[] = []

  constructor(page: URL) {
    this.#page = page
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', () => {
        const { port } = this.#server.address() as AddressInfo
        resolve(`http://127.0.0.1:${port}/${this.#secret}/`)
      })
    })
  }

  take(frame: InspectionFrame): void {
    if (frame.type === '@xstate.actor') this.#actors.set(frame.sessionId, frame)
    else {
      this.#latest.push(frame)
      if (this.#latest.length > bridgedFramesMax) this.#latest = this.#latest.slice(bridgedFramesMax / 2)
    }
    for (const reader of this.#readers) send(reader, frame)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url, headers } = request
    const isHere = /^127\.0\.0\.1:\d+$/.test(headers.host ?? '')
    if (isHere && url === `/${this.#secret}/`) return this.#servePage(response)
    if (isHere && url === `/${this.#secret}/frames`) return this.#serveFrames(response)
    response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing is here\n')
  }

  #servePage(response: ServerResponse): void {
    const nonce = randomBytes(16).toString('base64')
    const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; frame-src ${this.#page.origin}`
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
      .end(bridgePage(this.#page, nonce))
  }

  #serveFrames(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.on('close', () => this.#readers.delete(response))
    for (const frame of [...this.#actors.values(), ...this.#latest]) send(response, frame)
    this.#readers.add(response)
  }
}

/** A page that does not keep up is cut off, and asks again by itself. */
const send = (reader: ServerResponse, frame: InspectionFrame): void => {
  if (reader.writableLength > slowWatcherBytes) reader.destroy()
  else reader.write(`data: ${JSON.stringify(frame)}\n\n`)
}

/** Stately's page says when it listens; until then frames wait. */
const bridgePage = (page: URL, nonce: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Writ in Stately's inspector</title>
<style nonce="${nonce}">
  html, body { margin: 0; height: 100%; display: flex; flex-direction: column; font: 14px system-ui }
  p { margin: 0; padding: 6px 12px; background: #fff4d6; color: #533f03 }
  iframe { flex: 1; border: 0 }
</style>
<p id="word">What you see is handed to ${page.origin}: it leaves this machine.</p>
<iframe id="page" title="inspector" src="${page.href.replaceAll('"', '&quot;')}"></iframe>
<script nonce="${nonce}">
  const origin = ${JSON.stringify(page.origin)}
  const target = document.getElementById('page')
  const waiting = []
  let listens = false
  const give = (frame) => target.contentWindow.postMessage(frame, origin)
  addEventListener('message', (event) => {
    if (event.origin !== origin || event.data?.type !== '@statelyai.connected') return
    listens = true
    for (const frame of waiting.splice(0)) give(frame)
  })
  new EventSource('frames').addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data)
    if (frame.type === '@writ.notice') document.getElementById('word').textContent = frame.text
    else if (listens) give(frame)
    else waiting.push(frame)
  })
</script>
</html>
`
