/**
 * A document that is a session at terminals, as a test reads it: its sections with what is typed and what is shown. A fenced
 * `sh` block is typed into the first terminal, with a name behind `sh` into the one of that name; a block of another
 * language is what a terminal has printed, shortened by `…`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Waiting } from './waiting.ts'

interface Block {
  typed: boolean
  terminal: string
  text: string
}

export interface Recipe {
  title: string
  blocks: Block[]
}

/** The sections that have blocks. */
export const recipesOf = (document: string): Recipe[] =>
  document
    .split(/^## /m)
    .slice(1)
    .map((section) => ({ title: section.slice(0, section.indexOf('\n')), blocks: blocksOf(section) }))
    .filter(({ blocks }) => blocks.length > 0)

/** What is shown without a name is of the terminal that was typed into last. */
const blocksOf = (section: string): Block[] => {
  let last = ''
  return [...section.matchAll(/^```(\w+) ?(\w*)\n([^]*?)^```$/gm)].map(([, language, name = '', text = '']) => {
    const typed = language === 'sh'
    if (typed) last = name
    return { typed, terminal: typed || name !== '' ? name : last, text }
  })
}

/** What is shown, as a pattern for what is printed: `…` is anything, and space is there to be read. */
export const shownAs = (text: string): RegExp =>
  new RegExp(
    text
      .trim()
      .split(/(…|\s+)/)
      .map((part) => (part === '…' ? '[^]*?' : part.trim() === '' ? '\\s*' : literally(part)))
      .join(''),
  )

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What goes on until Ctrl-C. */
export const goesOn = (text: string): boolean => /^(nats (sub|reply)|while) /m.test(text)
/** What goes on, and takes nothing from others that listen. */
export const onlyListens = (text: string): boolean => /^nats sub /m.test(text)

/** A shell that a person types into. */
export class Terminal {
  readonly #shell: ChildProcess
  readonly #waiting = new Waiting()
  #printed = ''
  #typed = 0
  /** Where what the last line typed has printed begins. */
  #since = 0

  constructor(options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.#shell = spawn('bash', [], { ...options, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
    this.#shell.stdout?.on('data', (chunk: Buffer) => {
      this.#printed += chunk.toString()
      this.#waiting.look()
    })
    this.#shell.stdin?.write('exec 2>&1\n')
  }

  /** What was printed since the line that was typed last, without what `nats` tells of itself. */
  get printed(): string {
    return this.#printed
      .slice(this.#since)
      .replaceAll(/^[\d:]{8} (Sending request on|Received with rtt) .*\n/gm, '')
      .replaceAll(/^[\d:]{8} /gm, '')
  }

  /** Resolves when the shell is ready for the next line, or when what goes on is heard to listen. */
  async type(text: string): Promise<void> {
    const ready = `ready for line ${++this.#typed}`
    this.#since = this.#printed.length
    this.#shell.stdin?.write(`{\n${text}\n} </dev/null; echo '${ready}'\n`)
    if (!goesOn(text)) await this.shows(new RegExp(ready), text)
    else if (/^nats (sub|reply) /m.test(text)) await this.shows(/(Subscribing|Listening) on/, text)
  }

  /** Waits until this was printed. */
  async shows(pattern: RegExp, what: string): Promise<void> {
    await this.#waiting.until(
      () => pattern.exec(this.printed) ?? undefined,
      () => `${what}\nprinted was\n${this.printed}`,
      patienceMs,
    )
  }

  /** As when its window is closed. */
  close(): void {
    if (this.#shell.pid === undefined || this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    process.kill(-this.#shell.pid, 'SIGKILL')
  }
}

const patienceMs = 30_000
