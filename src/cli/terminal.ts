/**
 * Where the command writes: data on stdout, messages on stderr. What comes from outside is cleaned of control
 * characters on the way, so that no title and no agent's output can steer the terminal that shows it.
 */
import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'

/** What is used of a stream. */
export interface Output {
  write: (data: string | Uint8Array) => unknown
  isTTY?: boolean | undefined
  columns?: number | undefined
  rows?: number | undefined
  /** Of a terminal that is made larger or smaller. */
  on?: (event: 'resize', heard: () => void) => unknown
  off?: (event: 'resize', heard: () => void) => unknown
}

export type Colors = ReturnType<typeof pc.createColors>

export interface Terminal {
  out: Output
  /** Whether a person looks at stdout: else tables are plain and tab-separated. */
  rich: boolean
  /** Whether a person looks at stderr. */
  richErr: boolean
  columns: number
  /** Colours for stdout. */
  paint: Colors
  /** Colours for stderr. */
  paintErr: Colors
  /** A line of data. */
  print: (line: string) => void
  /** A line of a message. */
  say: (line: string) => void
  /** One JSON value on a line of its own, as data. */
  json: (value: unknown) => void
}

const columnsDefault = 100

/** A terminal over two streams; `color: false` for none, whatever the streams are. */
export const terminalOf = (out: Output, err: Output, color: boolean): Terminal => {
  const rich = out.isTTY === true
  const richErr = err.isTTY === true
  // A terminal that does not know how wide it is says 0.
  const columns = out.columns === undefined || out.columns < 1 ? columnsDefault : out.columns
  return {
    out,
    rich,
    richErr,
    columns,
    paint: pc.createColors(rich && color),
    paintErr: pc.createColors(richErr && color),
    print: (line) => out.write(`${line}\n`),
    say: (line) => err.write(`${line}\n`),
    json: (value) => out.write(`${JSON.stringify(value)}\n`),
  }
}

/** By these a text can have what stands around it read in another order. */
const turning = /\p{Bidi_Control}/gu

/** One line of text from outside, without anything that moves a cursor or breaks a line. */
export const oneLine = (text: string): string => harmless(text).trim()

/** As `oneLine`, but what the line begins with stays: output means something by its indentation. */
export const indented = (text: string): string => harmless(text.replaceAll('\t', '    ')).trimEnd()

/** As many lines as it has, as they are, but for what moves a cursor. */
export const severalLines = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/[^\P{Cc}\n\t]/gu, ' ')
    .replaceAll(turning, '')

const harmless = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(turning, '')
