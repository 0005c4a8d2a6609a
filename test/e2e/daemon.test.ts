/** Our daemon as people run it: killed in the middle, two on one repository, and the files of a task's contract. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StepView } from '../../src/protocol/views.ts'
import { writHere } from '../support/writ-here.ts'
import { environment, root, startWrit, type Started, writ } from '../support/writ.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-daemon-'))
const data = join(folder, 'data')
const started: Started[] = []

const start = (...args: string[]): Started => {
  const one = startWrit(...args, '--data-dir', data)
  started.push(one)
  return one
}

const startDaemon = async (name: string, slots: number): Promise<Started> => {
  const home = join(folder, 'homes', name)
  const daemon = start('daemon', 'run', '--name', name, '--slots', String(slots), '--home', home)
  await daemon.says('it takes tasks now')
  return daemon
}

const end = async ({ process, ended }: Started): Promise<number | string> => {
  process.kill('SIGTERM')
  return ended
}

const json = async <T>(...args: string[]): Promise<T> =>
  JSON.parse(await writHere(...args, '--json', '--data-dir', data)) as T

/** A directive's file, with its plan in it. */
const file = (name: string, directive: object): string => {
  const path = join(folder, `${name}.json`)
  writeFileSync(
    path,
    JSON.stringify({ title: name, goal: 'a goal', needs: { worker: { executor: 'shell' } }, ...directive }),
  )
  return path
}

const step = (name: string, script: string, more: object = {}): object => ({
  name,
  description: `Does ${name}`,
  task_plan: script,
  ...more,
})

beforeAll(async () => {
  await start('up').says('Ctrl-C')
}, 60_000)

afterAll(async () => {
  for (const one of started.toReversed()) if (one.process.exitCode === null) await end(one)
  await writHere('down', '--data-dir', data)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const lives = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    // No such process.
    return false
  }
}

/** Processes that a daemon with this home has started. */
const processesOf = (home: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && lives(Number(name)))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`WRIT_PLAN_FILE=${home}/`)
      } catch {
        // It has ended meanwhile.
        return false
      }
    })

it('R43 R45: kill -9 in the middle of three tasks and a new start leave no orphan, and every task ends once', async () => {
  const first = await startDaemon('mortal', 3)
  const home = join(folder, 'homes', 'mortal')
  const [pids, gate, ends] = ['pids', 'gate', 'ends'].map((name) => join(folder, name)) as [string, string, string]
  const script = (name: string): string =>
    [
      `trap '' TERM`,
      `(trap '' TERM HUP; while :; do sleep 0.1; done) & echo $! >> ${pids}`,
      `setsid sleep 1000 & echo $! >> ${pids}; echo $$ >> ${pids}`,
      `until [ -e ${gate} ]; do sleep 0.05; done; echo ${name} >> ${ends}`,
    ].join('\n')
  const names = ['a', 'b', 'c']
  const plan = { steps: names.map((name) => step(name, script(name))) }
  const run = start('run', file('killed', { plan, evaluate: false }), '--id', 'killed')
  const begun = (): number[] => (existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : [])
  await expect.poll(() => begun().length, { timeout: 20_000 }).toBe(9)
  const before = begun()
  first.process.kill('SIGKILL')
  await first.ended
  expect(before.some(lives)).toBe(true)
  const second = await startDaemon('mortal', 3)
  await expect.poll(() => before.filter(lives), { timeout: 20_000 }).toEqual([])
  writeFileSync(gate, '')
  expect(await run.ended).toBe(0)
  expect(readFileSync(ends, 'utf8').trim().split('\n').toSorted()).toEqual(names)
  for (const [at] of names.entries()) {
    const { status, tasks } = await json<StepView>('step', 'show', `killed__1_${at}`)
    expect([status, tasks.map((task) => task.status)]).toEqual(['passed', ['done']])
    const how = tasks.flatMap(({ attempts }) => attempts.map(({ as }) => as))
    expect(how.filter((as) => as === 'done')).toHaveLength(1)
    expect(how).not.toContain(null)
  }
  await expect.poll(() => processesOf(home), { timeout: 10_000 }).toEqual([])
  await end(second)
}, 120_000)

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.org', ...args], {
    cwd,
    encoding: 'utf8',
  }).trim()

it('R36 R37: two daemons and two directives on one repository: what has passed is in the lines, and nothing that failed', async () => {
  const shared = join(folder, 'shared.git')
  const project = join(folder, 'project')
  mkdirSync(project)
  git(project, 'init', '-q', '--initial-branch=main')
  writeFileSync(join(project, 'shared.txt'), 'one\n')
  git(project, 'add', '--all')
  git(project, 'commit', '-qm', 'First')
  git(project, 'clone', '-q', '--bare', project, shared)
  const [left, right] = [await startDaemon('left', 2), await startDaemon('right', 2)]
  const steps = (of: string): object[] => [
    step('plain', `echo ${of} > plain.txt`),
    step(
      'reworked',
      'if [ -n "${WRIT_FEEDBACK_FILE:-}" ]; then echo good > reworked.txt; else echo bad > reworked.txt; fi',
      {
        checks: [{ name: 'good', run: 'grep good reworked.txt', timeout: 60 }],
      },
    ),
    step('left', 'echo left >> shared.txt'),
    step('right', 'echo right >> shared.txt'),
  ]
  const names = ['plain', 'reworked', 'left', 'right']
  const failing = step('failing', 'echo bad > failing.txt', {
    depends_on: names,
    checks: [{ name: 'never', run: 'exit 1', timeout: 60 }],
  })
  const repository = pathToFileURL(shared).href
  const common = { repository, baseBranch: 'main', maxRework: 2 }
  const runs = [
    start('run', file('x', { ...common, plan: { steps: steps('x') } }), '--id', 'x'),
    start('run', file('y', { ...common, plan: { steps: [...steps('y'), failing] } }), '--id', 'y'),
  ]
  const exits = await Promise.all(runs.map(({ ended }) => ended))
  expect(exits, runs.map(({ printed }) => printed()).join('\n')).toEqual([0, 5])
  const check = [join(root, 'scripts/lines.mjs'), shared, 'x', 'y', '--', '--data-dir', data]
  const options = { encoding: 'utf8', env: environment() } as const
  expect(execFileSync(process.execPath, check, options).trim().split('\n')).toEqual([
    'x (completed): 4 of 4 steps have passed, 4 merges in the line',
    'y (failed): 4 of 5 steps have passed, 4 merges in the line',
  ])
  expect(git(shared, 'show', 'writ/x/line:plain.txt')).toBe('x')
  const forked = join(folder, 'forked.git')
  git(folder, 'clone', '-q', '--mirror', shared, forked)
  git(forked, 'update-ref', 'refs/heads/writ/x/line', 'main')
  const other = spawnSync(process.execPath, [check[0] ?? '', forked, ...check.slice(2)], options)
  expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('x: its branch shows')])
  expect(git(shared, 'show', 'writ/x/line:shared.txt').split('\n').toSorted()).toEqual(['left', 'one', 'right'])
  expect(git(shared, 'log', '--format=%s', 'main')).toBe('First')
  const daemons = new Set<string>()
  for (const at of names.keys())
    for (const { attempts } of (await json<StepView>('step', 'show', `x__1_${at}`)).tasks)
      for (const { daemon } of attempts) daemons.add(daemon)
  expect([...daemons].toSorted()).toEqual(['left', 'right'])
  await Promise.all([end(left), end(right)])
}, 180_000)

it('R30: the files of a contract, from inside a task and outside, whole to the byte, and too large ones refused with the limit', async () => {
  const daemon = await startDaemon('files', 2)
  const script = `head -c 8388608 /dev/urandom > large.bin; sha256sum < large.bin > ${folder}/sum
    writ contract put large.bin; echo words | writ contract put - --name sub/notes.md
    head -c 8388609 /dev/zero > over.bin
    if writ contract put over.bin 2> refused.txt; then exit 1; fi; grep 8388608 refused.txt
    if writ contract put - --name ../x < refused.txt; then exit 1; fi
    writ contract files; writ contract complete; sleep 1000`
  const reader = `writ contract file sub/notes.md --contract inside__1_0__c1
    writ contract file large.bin --output copy --contract inside__1_0__c1; sha256sum < copy | cmp - ${folder}/sum
    if writ contract files --contract killed__1_0__c1; then exit 1; fi
    if writ contract put copy --contract inside__1_0__c1 --name stolen; then exit 1; fi; true`
  const plan = { steps: [step('a', script), step('b', reader, { depends_on: ['a'] })] }
  const run = start('run', file('inside', { plan, evaluate: false }), '--id', 'inside')
  expect(await run.ended, run.printed()).toBe(0)
  const { files } = await json<{ files: { name: string; bytes: number }[] }>(
    'contract',
    'files',
    '--contract',
    'inside__1_0__c1',
  )
  expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['large.bin', 8388608],
    ['sub/notes.md', 6],
  ])
  const copy = join(folder, 'copy.bin')
  await writ('contract', 'file', 'large.bin', '--output', copy, '--contract', 'inside__1_0__c1', '--data-dir', data)
  expect(statSync(copy).size).toBe(8388608)
  const sum = execFileSync('sh', ['-c', `sha256sum < ${copy}`], { encoding: 'utf8' })
  expect(sum).toBe(readFileSync(join(folder, 'sum'), 'utf8'))
  expect(await json<object>('daemon', 'drain', 'files')).toEqual({ daemon: { name: 'files', draining: true } })
  expect(await daemon.ended).toBe(0)
  expect(daemon.printed()).toContain('Drained')
  expect((await json<{ daemons: object[] }>('daemon', 'list')).daemons).toEqual([])
}, 120_000)
