/** A terminal of a given size as a person sees it: what was written to it, with the few movements of the cursor that pictures use. */
import type { Output } from '../../src/cli/terminal.ts'

/** Of a character that is two columns wide. Tests use Hiragana for them all. */
const wide = /\p{Script=Hiragana}/u
const secondHalf = '\0'

export class FakeScreen implements Output {
  readonly isTTY = true
  columns: number
  rows: number
  /** Of what was written, each piece as it came. */
  readonly writes: string[] = []
  #lines: string[] = ['']
  #x = 0
  #y = 0
  #wraps = true
  #resized: (() => void) | null = null

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  /** Lines from the top, without empty ones at the end; what has scrolled away is gone. */
  get shown(): string[] {
    const last = this.#lines.findLastIndex((line) => line.trim() !== '')
    return this.#lines.slice(0, last + 1).map((line) => line.replaceAll(secondHalf, '').trimEnd())
  }

  on = (_event: 'resize', heard: () => void): void => {
    this.#resized = heard
  }

  off = (): void => {
    this.#resized = null
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    this.#resized?.()
  }

  write(data: string | Uint8Array): void {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
    this.writes.push(text)
    for (const [piece, count, what] of text.matchAll(/\u001b\[([?\d]*)([A-Za-z])|[\s\S]/gu)) {
      if (what === undefined) this.#put(piece)
      else this.#move(what, count ?? '')
    }
  }

  #put(char: string): void {
    if (char === '\r') this.#x = 0
    else if (char === '\n') this.#newLine()
    else {
      const cells = wide.test(char) ? char + secondHalf : char
      if (this.#x + cells.length > this.columns && this.#wraps) this.#newLine()
      this.#x = Math.min(this.#x, this.columns - cells.length)
      const line = (this.#lines[this.#y] ?? '').padEnd(this.#x)
      this.#lines[this.#y] = `${line.slice(0, this.#x)}${cells}${line.slice(this.#x + cells.length)}`
      this.#x += cells.length
    }
  }

  #newLine(): void {
    this.#x = 0
    this.#y++
    this.#lines[this.#y] ??= ''
    if (this.#y < this.rows) return
    this.#lines.shift()
    this.#y--
  }

  #move(what: string, count: string): void {
    if (what === 'A') this.#y = Math.max(0, this.#y - Number(count))
    else if (what === 'H') this.#x = this.#y = 0
    else if (what === 'K') this.#lines[this.#y] = (this.#lines[this.#y] ?? '').slice(0, this.#x)
    else if (what === 'J') this.#lines = count === '2' ? [''] : this.#lines.slice(0, this.#y)
    else if (count === '?7') this.#wraps = what === 'h'
    else if (!'hlm'.includes(what)) throw new Error(`no picture needs ${JSON.stringify(what)}`)
  }
}
