import { afterAll, beforeAll, expect, it } from 'vitest'
import { WritClient } from '../../src/bus/client.ts'
import { startFakeDaemon } from '../support/fake-daemon.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'

let test: TestEngine
beforeAll(async () => {
  test = await startTestEngine()
})
afterAll(async () => {
  await test.stop()
  console.log(test.log.slice(0, 20).join('\n'))
})

const chain = (count: number) => ({
  steps: Array.from({ length: count }, (_, at) => ({
    name: `s${at}`,
    description: `step ${at}`,
    task_plan: 'do it',
    depends_on: at === 0 ? [] : [`s${at - 1}`],
  })),
})

it('R5 R20: a chain of four steps runs from start to completed', async () => {
  const client = new WritClient(test.bus, test.owner)
  const created = (await client.createDirective({ id: 'four', title: 'four', goal: 'g', plan: chain(4) })) as {
    directive: { id: string }
  }
  console.log(JSON.stringify(created))
  const daemon = await startFakeDaemon(test.bus, test.owner, 'd1')
  const events: string[] = []
  const sub = test.bus.subscribe(`writ.v1.${test.owner}.event.>`, {}, (m) => {
    events.push(new TextDecoder().decode(m.body).slice(0, 150))
  })
  console.log(JSON.stringify(await client.directive('four').start()))
  await expect
    .poll(() => events.some((e) => e.includes('directive_completed')), { timeout: 15000 })
    .toBe(true)
    .catch((e) => console.log(String(e)))
  console.log(events.join('\n'))
  console.log(test.engine.host.figures)
  await sub.drain()
  await daemon.stop()
}, 20000)
