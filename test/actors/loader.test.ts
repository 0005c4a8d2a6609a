/** What is brought from the store into a thread's memory. */
import { expect, it } from 'vitest'
import { planRows } from '../../src/machines/plan.ts'
import { SimClock } from '../sim/clock.ts'
import { SimStore } from '../sim/store.ts'
import { quietHost } from '../support/quiet-host.ts'

const count = 200

const setUp = async (taskPlan = '') => {
  const clock = new SimClock()
  const host = quietHost(clock, new SimStore({ clock }))
  const steps = Array.from({ length: count }, (_, at) => ({
    ...{ name: `s${at}`, description: '', taskPlan, checks: [], needs: {}, requiresApproval: false },
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
  memory.keepPlanRow = () => undefined
  expect((await loader.planRow('plan', 7))?.name).toBe('s7')
})

it('of a directive that goes while it is read nothing is remembered', async () => {
  const { loader, memory, store } = await setUp()
  let tell = (): void => undefined
  const read = new Promise<void>((resolve) => (tell = resolve))
  store.directive = () => read.then(() => ({}) as never)
  const [key, step] = ['o/d', 'o/d__1_0'] as const
  const [directive, desk] = [loader.directive(key), loader.desk(key)]
  memory.remove(key)
  tell()
  expect(await directive).toBe(null)
  await desk
  memory.actors.set(step, {} as never)
  memory.removed([key])
  for (const map of [memory.actors, memory.directives, memory.desks, memory.gone]) expect([...map.keys()]).toEqual([])
})

it('the texts of plans count by their length into what memory keeps, until it makes room', async () => {
  const { loader, memory } = await setUp('x'.repeat(100_000))
  for (let time = 0; time < 2; time++) await loader.planRows('plan', 0, count)
  expect(memory.size).toBe(count + Math.floor((count * 100_000) / 4096))
  memory.trim([], new Set())
  expect(memory.size).toBe(0)
})
