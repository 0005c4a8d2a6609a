/** Cuts what a process writes into lines of text. A line without an end is handed over in pieces, so it cannot eat the memory. */
import { StringDecoder } from 'node:string_decoder'

/** In characters. */
const lineCharsMax = 1024 * 1024

export interface Lines {
  push: (chunk: Buffer) => void
  /** Hands over what is left of a last line without its newline. */
  end: () => void
}

export const lineReader = (take: (line: string) => void, charsMax = lineCharsMax): Lines => {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const cut = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
    for (; rest.length > charsMax; rest = rest.slice(charsMax)) take(rest.slice(0, charsMax))
  }
  return {
    push: (chunk) => cut(decoder.write(chunk)),
    end: () => {
      cut(decoder.end())
      if (rest !== '') take(rest)
      rest = ''
    },
  }
}
