/** A journal of our own: what we have asked for and what we were answered, so that it can be held against what is stored. */
import { appendFileSync } from 'node:fs'

export interface Receipt {
  directive: string
  verb: string
  /** Of a step, the index. */
  step: number | null
  /** When it was asked for, and when it was answered: ms. */
  asked: number
  answered: number
  /** Its code, when it was refused. */
  refused: string | null
  /** How often it was asked for. */
  tries: number
}

export class Receipts {
  readonly all: Receipt[] = []
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  add(receipt: Receipt): void {
    this.all.push(receipt)
    appendFileSync(this.#file, `${JSON.stringify(receipt)}\n`)
  }

  /** In the order of the answers. */
  of(directive: string): Receipt[] {
    return this.all.filter((receipt) => receipt.directive === directive)
  }
}
