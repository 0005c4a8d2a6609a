/** What all benches let Writ do: directives of a few steps in a row, and how one knows that they are over. */
import type { WritClient } from '../src/bus/client.ts'
import type { NatsBus } from '../src/bus/nats-bus.ts'
import { subjects } from '../src/bus/subjects.ts'

export const stepCount = 4
/** Work and evaluation. */
export const handOffsPerChain = stepCount * 2
const wave = 50

const plan = {
  steps: Array.from({ length: stepCount }, (_, at) => ({
    name: `s${at}`,
    description: `The step number ${at}.`,
    task_plan: 'Do what is to be done here, and say how it went.',
    depends_on: at === 0 ? [] : [`s${at - 1}`],
  })),
}

/** Creates directives of these ids, each with its plan. */
export const createChains = async (client: WritClient, ids: readonly string[]): Promise<void> => {
  for (let at = 0; at < ids.length; at += wave)
    await Promise.all(
      ids.slice(at, at + wave).map((id) => client.createDirective({ id, title: id, goal: 'a goal', plan })),
    )
}

/** Starts them all at once; until the last one is completed. */
export const runChains = async (bus: NatsBus, client: WritClient, ids: readonly string[]): Promise<void> => {
  const over = completed(bus, ids.length)
  await Promise.all(ids.map((id) => client.directive(id).start()))
  await over
}

/** Resolves when so many directives have been completed from now on. */
const completed = (bus: NatsBus, count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count
    const pattern = subjects.event.pattern({ owner: 'default', type: 'directive_completed' })
    const listening = bus.subscribe(pattern, {}, () => {
      if (--left > 0) return
      void listening.drain()
      resolve()
    })
  })
