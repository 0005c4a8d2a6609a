/** What is watched after the store was asked which attempts are open. */
import { expect, it } from 'vitest'
import type { AttemptRow } from '../../src/actors/ports/rows.ts'
import { Reopening } from '../../src/actors/reopening.ts'

const attemptOf = (task: string): AttemptRow => ({
  owner: 'o',
  task,
  attempt: 1,
  actor: 'o/d',
  directive: 'o/d',
  shard: 3,
  role: 'worker',
  number: 1,
  nonce: 'n',
  grant: 'g',
  daemon: 'd',
  session: 's',
  inbox: null,
  startCommit: null,
  line: null,
  accepted: true,
  openedAt: 0,
  deadline: 1,
  closedAt: null,
  closed: null,
  reason: '',
  result: null,
  commit: null,
  asked: null,
  reported: null,
})

const setUp = (...watched: string[]) => {
  const names = new Map(watched.map((task) => [task, attemptOf(task)]))
  let answer: (open: AttemptRow[]) => void = () => undefined
  const store = { openAttempts: () => new Promise<AttemptRow[]>((resolve) => (answer = resolve)) }
  const watch = {
    open: (attempt: AttemptRow): void => void names.set(attempt.task, attempt),
    forget: (isGone: (attempt: AttemptRow) => boolean): void => {
      for (const [task, attempt] of names) if (isGone(attempt)) names.delete(task)
    },
  }
  const reopening = new Reopening(store, watch)
  return { reopening, names, answer: (...open: string[]) => answer(open.map(attemptOf)) }
}

it('R45: an attempt that the store does not know as open is watched no more', async () => {
  const { reopening, names, answer } = setUp('ended', 'runs')
  const done = reopening.reopen([3])
  answer('runs', 'unheard')
  await done
  expect([...names.keys()]).toEqual(['runs', 'unheard'])
})

it('what a commit opened or closed while the store was read stays as the commit left it', async () => {
  const { reopening, names, answer } = setUp('opened')
  const done = reopening.reopen([3])
  reopening.touched(['o/opened 1', 'o/closed 1'])
  answer('closed')
  await done
  expect([...names.keys()]).toEqual(['opened'])
})

it('attempts of other shards stay watched', async () => {
  const { reopening, names, answer } = setUp('elsewhere')
  const done = reopening.reopen([4])
  answer()
  await done
  expect([...names.keys()]).toEqual(['elsewhere'])
})
