/**
 * The short form of `npm run chaos`: two nodes, two daemons, a nats-server and a Postgres as processes of their own; ten directives are
 * under way when something breaks, and all of them end. At the end everything is held against what was asked for.
 */
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { root } from '../support/writ.ts'
import { Chaos } from './chaos.ts'
import type { Kind } from './kinds.ts'
import { type ShapeName, shapeNames } from './shapes.ts'

const minute = 60_000
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'writ-chaos-')))
/** Without those that wait for a process or a time of their own. */
const quick: readonly ShapeName[] = ['chain', 'diamond', 'fan', 'rework', 'paused']
const ten = [...quick, ...quick]
const said: string[] = []
let chaos: Chaos
let over = false

beforeAll(async () => {
  const say = (line: string): void => void said.push(line)
  const setup = {
    checkout: root,
    folder,
    nodes: 2,
    daemons: 2,
    slots: 4,
    smallDisk: false,
    keep: false,
    seed: 20_261_126,
    violations: [],
    signal: new AbortController().signal,
    say,
  }
  chaos = await Chaos.start(setup)
}, 2 * minute)

afterAll(async () => {
  if (!over) await chaos.stop()
  if (over && chaos.violations.length === 0) rmSync(folder, { recursive: true, force: true })
  else console.error(`logs and data: ${folder}`)
}, minute)

const filesOfEffects = (): number => readdirSync(join(folder, 'effects')).length

it.each<[string, readonly Kind[], readonly ShapeName[]]>([
  ['NATS is ended, all that it has stored is deleted, and it is started anew', ['nats-wipe'], ten],
  ['Postgres is ended in its mode `immediate` and started again', ['postgres-immediate'], ten],
  ['a node and a daemon are killed, and answers are lost', ['node-kill', 'daemon-kill', 'link-after'], shapeNames],
])(
  'directives are under way, and %s: all of them end',
  async (_, kinds, shapes) => {
    const [{ ended }, begun] = [chaos.workload, filesOfEffects()]
    const before = ended.size
    const all = Promise.all(shapes.map((name) => chaos.workload.one(name)))
    await vi.waitUntil(() => filesOfEffects() >= begun + shapes.length / 2, { timeout: minute, interval: 20 })
    for (const kind of kinds) await chaos.inflict(kind)
    await chaos.unlessStuck(all)
    expect(ended.size - before, said.join('\n')).toBe(shapes.length)
  },
  5 * minute,
)

it(
  'nothing that was answered is lost, nothing counts twice, nothing is left, and what is stored agrees with itself',
  async () => {
    await chaos.judge()
    over = true
    expect(chaos.violations).toEqual([])
    expect(chaos.workload.deleted.size).toBeGreaterThan(0)
  },
  4 * minute,
)
