/** What is brought from the store into a thread's memory. */
import { expect, it } from 'vitest'
import { planRows } from '../../src/machines/plan.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const count = 200

const setUp = async () => {
  const clock = new SimClock()
  const host = quietHost(clock, new SimStore({ clock }))
  const steps = Array.from({ length: count }, (_, at) => ({
    ...{ name: `s${at}`, description: '', taskPlan: '', checks: [], needs: {}, requiresApproval: false },
    dependsOn: [],
  }))
  await host.store.stage('plan', planRows({ steps }))
  return host
}

it('a plan that is walked against its order is read in parts, as one that is walked along it', async () => {
  const { loader, store } = await setUp()
  const { planRows: read } = store
  let reads = 0
  store.planRows = (...part) => {
    reads++
    return read.apply(store, part)
  }
  for (let index = count - 1; index >= 0; index--) expect((await loader.planRow('plan', index))?.index).toBe(index)
  expect(reads).toBe(count / 50)
  expect(await loader.planRow('plan', count)).toBe(null)
})

it('a step that was read is there, though memory made room in the same moment', async () => {
  const { loader, memory } = await setUp()
  memory.plans.set = () => memory.plans
  expect((await loader.planRow('plan', 7))?.name).toBe('s7')
})
