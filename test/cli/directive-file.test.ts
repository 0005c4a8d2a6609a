/** Directives as people write them: what is wrong is told with its place, what is right is completed and sent. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDirectiveFile } from '../../src/cli/directive-file.ts'
import { call, FakeNode } from './call.ts'
import { directiveView } from './views.ts'

const folder = mkdtempSync(join(tmpdir(), 'writ-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
const file = (text: string | Uint8Array, name = `directive-${count++}.yaml`): string => {
  writeFileSync(join(folder, name), text)
  return name
}
const failing = async (name: string) => {
  const { code, err } = await call(['run', name, '--dry-run'], { cwd: folder })
  return { code, faults: err.split('\n').slice(0, -1) }
}

test('every fault is told at once, with line and column', async () => {
  const name = file(`goal: x
requirement: [a]
needs:
  worker:
    command: node
checks:
  - name: all tests
    run: 7
`)
  expect(await failing(name)).toEqual({
    code: 2,
    faults: [
      `error: ${name} has 4 faults [BAD_INPUT]`,
      `  - ${name}:1:1: title: is missing (string)`,
      `  - ${name}:8:5: checks.0.run: expected string, received number`,
      `  - ${name}:5:5: needs.worker.command: expected array, received string`,
      `  - ${name}:2:1: requirement: there is no such key`,
      'hint: nothing was sent; see examples/ for whole files',
    ],
  })
})

test('a mistyped key of needs and checks is a fault, and so is a goal that is missing', async () => {
  const name = file(
    `title: x
needs:
  worker: { executer: shell }
checks:
  - { name: a, run: b, timout: 5 }
`,
  )
  expect((await failing(name)).faults).toEqual([
    `error: ${name} has 3 faults [BAD_INPUT]`,
    `  - ${name}:1:1: goal: is missing, or no value of JSON`,
    `  - ${name}:5:24: checks.0.timout: there is no such key`,
    `  - ${name}:3:13: needs.worker.executer: there is no such key`,
    'hint: nothing was sent; see examples/ for whole files',
  ])
})

test('what git might take for an option or a program is a fault here already, and so is an id that is none', async () => {
  const name = file('title: x\ngoal: y\nrepository: "ext::sh -c id"\nbaseBranch: "-x"\n')
  const { code, faults } = await failing(name)
  expect({ code, faults: faults.slice(1, -1) }).toEqual({
    code: 2,
    faults: [
      `  - ${name}:3:1: repository: it is not a repository that Writ uses: https://…, ssh://…, user@host:path, file:///… or an absolute path`,
      `  - ${name}:4:1: baseBranch: it is not a branch's name: see git help check-ref-format`,
    ],
  })
  const chosen = file('id: ../x\ntitle: x\ngoal: y\n')
  const node = new FakeNode({})
  for (const args of [
    ['run', '--dry-run', chosen],
    ['run', chosen],
    ['directive', 'create', chosen],
    ['run', '--dry-run', file('title: x\ngoal: y\n'), '--id', '../x'],
  ]) {
    const { code: ended, err } = await call(args, { cwd: folder, node })
    expect({ ended, err }).toEqual({ ended: 2, err: expect.stringContaining('the directive id "../x" is not an id') })
  }
  expect(node.asked).toEqual([])
})

test('what is not YAML or JSON is told where it breaks', async () => {
  const yaml = await failing(file('title: x\ngoal: [a, b\nchecks: []\n'))
  expect(yaml.code).toBe(2)
  expect(yaml.faults.join('\n')).toMatch(/directive-\d+\.yaml:\d+:\d+: /)
  const json = await failing(file('{"title": "x", "title": "y", "goal": 1}', 'twice.json'))
  expect(json.faults[1]).toBe('  - twice.json:1:16: Map keys must be unique')
  expect((await failing(file('', 'empty.yaml'))).code).toBe(2)
})

test('a file that cannot be read, is no text, or is too large is refused by name', async () => {
  expect((await failing('nowhere.yaml')).faults[0]).toBe(
    'error: nowhere.yaml cannot be read: there is no such file [BAD_INPUT]',
  )
  expect((await failing('.')).faults[0]).toBe('error: . cannot be read: it is a folder [BAD_INPUT]')
  expect((await failing(file(Buffer.from([0xff, 0xfe, 0x00]), 'binary'))).faults[0]).toContain('is not text in UTF-8')
  const large = file('#'.repeat(9 * 1024 * 1024), 'large.yaml')
  expect((await failing(large)).faults[0]).toMatch(/has 9437184 bytes, over the limit of 8388608 \[TOO_LARGE\]/)
})

test('what is nested deeper than a message may be is one fault, where it goes too deep', async () => {
  const deep: [text: string, place: string][] = [
    ['title: x\ngoal: ' + '['.repeat(100_000), '2:106'],
    [`{"title": "x", "goal": ${'{"a":'.repeat(50_000)}`, '1:519'],
    ['title: x\ngoal:\n' + Array.from({ length: 200 }, (_, at) => `${' '.repeat(at + 1)}a:`).join('\n'), '102:101'],
    ['title: x\ngoal:\n' + '- '.repeat(100_000), '3:199'],
  ]
  for (const [text, place] of deep) {
    const name = file(text)
    const { code, faults } = await failing(name)
    expect({ code, faults: faults.slice(0, -1) }).toEqual({
      code: 2,
      faults: [`error: ${name} has a fault [BAD_INPUT]`, `  - ${name}:${place}: it is nested deeper than 100 levels`],
    })
  }
  const script = `title: x\ngoal: ${'['.repeat(99)}${']'.repeat(99)}\nconstraints: |\n  ${'[{('.repeat(500)}\n`
  expect((await failing(file(script))).code).toBe(0)
})

test('aliases that blow up are refused', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(', ')}]`,
  )
  const { code, faults } = await failing(file(['l0: &l0 [x]', ...levels].join('\n')))
  expect(code).toBe(2)
  expect(faults.join('\n')).toContain('Excessive alias count')
})

test('paths that begin with ./ are looked up from the folder of the file, and stay on this host', async () => {
  mkdirSync(join(folder, 'sub'), { recursive: true })
  writeFileSync(
    join(folder, 'sub', 'd.yaml'),
    `title: x
goal: y
repository: ./work
needs:
  planner: { executor: command, command: [node, ./plan.mjs, ../up, /abs, .hidden] }
  worker: { labels: { host: other } }
`,
  )
  const { input, localRepository } = await readDirectiveFile('sub/d.yaml', folder)
  const host = { host: hostname() }
  expect(localRepository).toBe(join(folder, 'sub/work'))
  expect(input).toEqual({
    title: 'x',
    goal: 'y',
    repository: join(folder, 'sub/work'),
    needs: {
      planner: {
        executor: 'command',
        command: ['node', join(folder, 'sub/plan.mjs'), join(folder, 'up'), '/abs', '.hidden'],
        labels: host,
      },
      worker: { labels: { host: 'other' } },
      evaluator: { labels: host },
      merger: { labels: host },
    },
  })
})

test('with a repository by URL and no path of this host, nothing is added', async () => {
  for (const repository of ['https://example.org/a.git', 'ssh://git@example.org/a.git', 'git@example.org:a.git']) {
    const name = file(`{ title: x, goal: y, repository: "${repository}", needs: { worker: { executor: shell } } }`)
    const { input, localRepository } = await readDirectiveFile(name, folder)
    expect(input).toEqual({ title: 'x', goal: 'y', repository, needs: { worker: { executor: 'shell' } } })
    expect(localRepository).toBeNull()
  }
})

test('a dry run prints the plan as a tree and sends nothing', async () => {
  const { code, out, err } = await call(['run', 'examples/hello/directive.yaml', '--dry-run'])
  expect({ code, err }).toEqual({ code: 0, err: 'Nothing was sent (--dry-run).\n' })
  expect(out).toBe(`Hello
  evaluation  none: done is passed
  worker      shell

└─ hello          Say hello
   ├─ count       Count to three
   │  └─ goodbye  Say goodbye when both are done (also after look)
   └─ look        See what a task is told
`)
})

test('R11 R46: every fault of the plan is told before anything is sent, with its place: unknown dependencies, cycles, what is missing', async () => {
  const name = file(`title: x
goal: y
plan:
  steps:
    - { name: a, description: d, task_plan: t, depends_on: [nobody, c] }
    - { name: b, description: d, task_plan: t, depends_on: [a] }
    - { name: c, description: d, task_plan: t, depends_on: [b] }
    - { name: c, description: d }
`)
  expect(await failing(name)).toEqual({
    code: 2,
    faults: [
      `error: ${name} has 4 faults [BAD_INPUT]`,
      `  - ${name}:8:7: plan: steps[3] ("c"): "task_plan" is missing`,
      `  - ${name}:8:7: plan: steps[3]: the name "c" is that of steps[2] already`,
      `  - ${name}:5:7: plan: steps[0] ("a"): it depends on "nobody", and no step has that name`,
      `  - ${name}:3:1: plan: a cycle: "a" waits for "c" waits for "b" waits for "a"`,
      'hint: nothing was sent; see examples/ for whole files',
    ],
  })
  const text = file('title: x\ngoal: y\nplan: |\n  {"steps": [}\n')
  expect((await failing(text)).faults[1]).toMatch(
    /directive-\d+\.yaml:3:1: plan: the plan is not JSON: .*line 1, column 12/,
  )
})

test('R29: a step with checks in a directive that turns evaluation off is a fault here already', async () => {
  const checks = 'checks: [{ name: c, run: "true" }]'
  const name = file(
    `title: x\ngoal: y\nevaluate: false\nplan: { steps: [{ name: a, description: d, task_plan: t, ${checks} }] }\n`,
  )
  expect((await failing(name)).faults[1]).toContain(':4:17: plan: steps[0] ("a"): it has checks')
})

test('the repository is made by setup.mjs beside the file when it is not there yet, and only then', async () => {
  const place = join(folder, 'made')
  mkdirSync(place)
  writeFileSync(join(place, 'd.yaml'), 'title: x\ngoal: y\nrepository: ./work\n')
  writeFileSync(join(place, 'setup.mjs'), "import { mkdirSync } from 'node:fs'\nmkdirSync(process.argv[2])\n")
  const view = directiveView('x', { status: 'completed' })
  const node = new FakeNode({ 'directive.create': () => ({ directive: view }), 'directive.get': () => view })
  const first = await call(['run', 'd.yaml'], { cwd: place, node })
  expect(first.err).toContain(
    `The repository ${join(place, 'work')} is not there yet: running ${join(place, 'setup.mjs')}`,
  )
  expect(first.code).toBe(0)
  expect((await call(['run', 'd.yaml'], { cwd: place, node })).err).not.toContain('setup.mjs')
})

test('the directive in the README is one', async () => {
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(readFileSync('README.md', 'utf8')) ?? []
  const { code, out } = await call(['run', file(text), '--dry-run'], { cwd: folder })
  expect({ code, lines: out.trim().split('\n').slice(-2) }).toEqual({
    code: 0,
    lines: ['└─ hello       Say hello', '   └─ goodbye  Say goodbye'],
  })
})
