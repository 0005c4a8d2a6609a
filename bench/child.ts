/** A process of the bench's own that does what it is asked: so that each part's CPU can be told apart. */
import { type ChildProcess, fork } from 'node:child_process'

export interface Child {
  pid: number
  ask: <T>(what: string, input?: unknown) => Promise<T>
  end: () => Promise<void>
}

interface Answer {
  id: number
  value?: unknown
  error?: string
}

export const startChild = async (file: string, setup: unknown, execArgv: readonly string[] = []): Promise<Child> => {
  const child = fork(new URL(file, import.meta.url), { execArgv: [...execArgv], serialization: 'advanced' })
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let last = 0
  child.on('message', ({ id, value, error }: Answer) => {
    const asker = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asker?.resolve(value)
    else asker?.reject(new Error(error))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with code ${code}`))
  })
  const ask = (what: string, input?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject })
      child.send({ id: last, what, input })
    })
  await ask('start', setup)
  return { pid: child.pid ?? 0, ask: ask as Child['ask'], end: () => ended(child, ask) }
}

const ended = async (child: ChildProcess, ask: (what: string) => Promise<unknown>): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await ask('stop')
  child.disconnect()
  await gone
}

type Answers = Record<string, (input: never) => unknown>

/** The other side: answers each question by the function of its name. */
export const serve = (answers: Answers): void => {
  process.on('message', ({ id, what, input }: { id: number; what: string; input: unknown }) => {
    const answer = async (): Promise<unknown> => answers[what]?.(input as never)
    answer().then(
      (value) => process.send?.({ id, value }),
      (error: unknown) => process.send?.({ id, error: error instanceof Error ? (error.stack ?? '') : String(error) }),
    )
  })
}
