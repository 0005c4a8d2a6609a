/** Repositories, references and deeds of tasks that try to run something or to leave their folder: one case a line. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node, Reported } from './support.ts'
import { git, makeRepository, openNode, spawnOf, startDaemon, temporaryFolder, writeFiles } from './support.ts'

type Changes = Parameters<typeof spawnOf>[1]

const run = async (node: Node, spawn: Spawn): Promise<Reported> => {
  await node.order('spawn', spawn)
  return node.outcome(spawn.task.id)
}

const mark = '/tmp/writ-mark-that-nobody-makes'
const commit = 'a'.repeat(40)
const merger = (merge: Spawn['merge']): Changes => ({ merge, task: { role: 'merger' } })

describe('what a spawn names is refused before git sees it:', () => {
  const repository = (text: string): Changes => ({ repository: text })
  const branch = (text: string): Changes => ({ targetBranch: text, completionAction: 'branch' })
  const base = (text: string): Changes => ({ baseBranch: text })
  test.each<[string, Changes]>([
    ['the transport ext::', repository(`ext::sh -c touch% ${mark}`)],
    ['the transport ext:: in capitals', repository(`EXT::sh -c touch% ${mark}`)],
    ['the transport fd::', repository('fd::17/foo')],
    ['a transport of somebody', repository('my-helper::https://example.org/x')],
    ['an option in place of a repository', repository(`--upload-pack=touch ${mark}`)],
    ['a short option in place of a repository', repository(`-u touch ${mark}`)],
    ['an option in place of a host', repository(`ssh://-oProxyCommand=touch${mark}/x`)],
    ['an option in place of a user', repository(`ssh://-oProxyCommand=x@example.org/x`)],
    ['an option in place of a host, in the short form', repository(`git@-oProxyCommand=touch${mark}:x`)],
    ['an option in place of a path, in the short form', repository('git@example.org:-x')],
    ['an option in place of a port', repository('ssh://git@example.org:-oProxyCommand=x/x')],
    ['a newline and a setting', repository(`https://example.org/x\n[core]\nsshCommand=touch ${mark}`)],
    ['a NUL', repository('https://example.org/x\0--upload-pack=x')],
    ['plain http', repository('http://example.org/x.git')],
    ['git without protection', repository('git://example.org/x.git')],
    ['ftp', repository('ftp://example.org/x.git')],
    ['a file of another host', repository('file://example.org/x')],
    ['a relative path', repository('../x')],
    ['a home folder of the shell', repository('~/x')],
    ['nothing', repository('')],
    ['ten thousand characters', repository(`https://example.org/${'x'.repeat(10_000)}`)],
    ['a branch that is an option', branch('--upload-pack=x')],
    ['a branch that is an option below writ', branch('writ/-x y')],
    ['a refspec that writes elsewhere', branch('writ/x:refs/heads/main')],
    ['a refspec that forces', branch('+writ/x')],
    ['a branch that leaves its folder', branch('writ/../main')],
    ['a branch of the user', branch('main')],
    ['a ref that is no branch', branch('refs/tags/v1')],
    ['a base that is an option', base(`--upload-pack=touch ${mark}`)],
    ['a base that is a revision', base('main~1')],
    ['a base with a wildcard', base('*')],
    ['a base that is a refspec', base('main:refs/heads/other')],
    ['a start that is an option', { startCommit: '--all' }],
    ['a start that is a branch', { startCommit: 'main' }],
    ['a line that is published elsewhere', merger({ kind: 'publish', line: commit, into: 'main' })],
    ['a line that is published to an option', merger({ kind: 'publish', line: commit, into: '-d' })],
  ])('%s', async (_title, changes) => {
    const { folder, base: start } = makeRepository()
    const refs = git(folder, 'for-each-ref')
    const node = openNode()
    await startDaemon(node)
    const startCommit = changes?.baseBranch === undefined ? start : null
    const spawn = spawnOf('t1', { repository: folder, startCommit, ...changes })
    // What is not even a commit's id does not keep the schema, so it is refused at once.
    const refused = await run(node, spawn).then(
      ({ verb, body }) => ({ verb, means: body['means'], text: body['reason'] }),
      (error: unknown) => ({ verb: 'failed', means: false, text: String(error) }),
    )
    expect(refused).toEqual({
      verb: 'failed',
      means: false,
      text: expect.stringMatching(/ is not (?:a|the) |startCommit/),
    })
    expect(git(folder, 'for-each-ref')).toBe(refs)
    expect(existsSync(mark)).toBe(false)
  })
})

describe("a repository's own settings do not run:", () => {
  /** `$` stands for a program that leaves a mark. */
  const settings: [string, Record<string, string>][] = [
    ['a monitor of files', { 'core.fsmonitor': '$' }],
    ['hooks elsewhere', { 'core.hooksPath': '$.d' }],
    ['a hook for packs', { 'uploadpack.packObjectsHook': '$' }],
    ['a command for refs of alternates', { 'core.alternateRefsCommand': '$' }],
    ['a command for ssh', { 'core.sshCommand': '$' }],
    ['a proxy', { 'core.gitProxy': '$' }],
    ['a filter', { 'filter.x.clean': '$', 'filter.x.smudge': '$', 'filter.x.required': 'true' }],
    ['a filter that is a process', { 'filter.x.process': '$', 'filter.x.required': 'true' }],
    ['a driver for merges', { 'merge.x.driver': '$ %A %O %B' }],
    ['a program for differences', { 'diff.external': '$', 'diff.x.command': '$', 'diff.x.textconv': '$' }],
    ['a program that signs', { 'commit.gpgSign': 'true', 'gpg.program': '$', 'gpg.ssh.program': '$' }],
    ['a helper for credentials', { 'credential.helper': '!$' }],
    ['an asker for passwords', { 'core.askPass': '$' }],
    ['an editor and a pager', { 'core.editor': '$', 'core.pager': '$', 'pager.log': '$' }],
    ['an alias for a command of git', { 'alias.upload-pack': '!$', 'alias.fetch': '!$', 'alias.add': '!$' }],
    ['another place for all URLs', { 'url.ext::$ .insteadOf': '/', 'protocol.ext.allow': 'always' }],
    [
      'objects that are fetched when they are missed',
      {
        'remote.o.url': 'ext::$',
        'remote.o.promisor': 'true',
        'remote.o.uploadpack': '$',
        'extensions.partialClone': 'o',
        'protocol.ext.allow': 'always',
      },
    ],
    ['a receiver of pushes', { 'receive.procReceiveRefs': 'refs/heads/writ', 'remote.origin.receivepack': '$' }],
    ['a checkout that follows pushes', { 'receive.denyCurrentBranch': 'updateInstead' }],
    ['tracing', { 'trace2.normalTarget': '$.trace', 'trace2.eventTarget': '$.trace' }],
  ]
  test.each(settings)('%s', async (_title, config) => {
    const { folder, base } = makeRepository({ 'a.txt': 'one\n', '.gitattributes': '* filter=x merge=x diff=x\n' })
    const marks = temporaryFolder()
    const program = join(temporaryFolder(), 'program')
    writeFiles(join(program, '..'), { program: `#!/bin/sh\ntouch ${marks}/run\nexit 1\n` })
    chmodSync(program, 0o755)
    mkdirSync(`${program}.d`)
    for (const hook of [
      'pre-receive',
      'update',
      'post-checkout',
      'reference-transaction',
      'proc-receive',
      'push-to-checkout',
    ])
      symlinkSync(program, join(`${program}.d`, hook))
    for (const [key, value] of Object.entries(config)) {
      const [name, text] = [key, value].map((each) => each.replaceAll('$', program))
      git(folder, 'config', '--add', String(name), String(text))
    }
    if ('extensions.partialClone' in config) {
      const blob = git(folder, 'rev-parse', 'HEAD:a.txt')
      rmSync(join(folder, '.git', 'objects', blob.slice(0, 2), blob.slice(2)))
    }
    const node = openNode()
    await startDaemon(node)
    const worker = (id: string, text: string): Spawn =>
      spawnOf(id, {
        repository: folder,
        startCommit: base,
        targetBranch: `writ/d/${id}/1`,
        task: { plan: `echo ${text} > a.txt` },
      })
    const [left, right] = [await run(node, worker('l', 'left')), await run(node, worker('r', 'right'))]
    // Neither works with such settings; what matters is that nothing of them runs.
    if ('receive.procReceiveRefs' in config || 'extensions.partialClone' in config) {
      expect(left.body['reason']).toMatch(/git push was refused|git fetch ended/)
      return expect(readdirSync(marks)).toEqual([])
    }
    expect([left.verb, right.verb]).toEqual(['done', 'done'])
    const order = {
      kind: 'merge',
      line: String(left.body['commit']),
      commit: String(right.body['commit']),
      into: 'writ/d/line',
    } as const
    const { body } = await run(node, spawnOf('m', { repository: folder, ...merger(order) }))
    expect(body['merge']).toEqual({ kind: 'conflict', files: ['a.txt'] })
    expect(readdirSync(marks)).toEqual([])
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one\n')
  })
})

describe('what a repository contains stays what it is:', () => {
  const contents: [string, (folder: string) => void][] = [
    ['a link that leads out', (folder) => symlinkSync('/etc', join(folder, 'out'))],
    ['a link to its own git folder', (folder) => symlinkSync('.git', join(folder, 'out'))],
    ['a file that is called like an option', (folder) => writeFiles(folder, { '--upload-pack=x': 'x', '-rf': 'x' })],
    [
      'a submodule with a hostile URL',
      (folder) => {
        writeFiles(folder, {
          '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ext::touch ${mark}\n\tupdate = !touch ${mark}\n`,
        })
        git(folder, 'update-index', '--add', '--cacheinfo', `160000,${commit},s`)
      },
    ],
    [
      'a submodule that is called like an option',
      (folder) => {
        writeFiles(folder, { '.gitmodules': `[submodule "-u./x"]\n\tpath = s\n\turl = -u./x\n` })
        git(folder, 'update-index', '--add', '--cacheinfo', `160000,${commit},s`)
      },
    ],
    ['a branch that is called like an option', (folder) => git(folder, 'update-ref', 'refs/heads/-x', 'HEAD')],
    ['a tag that is called like the branch', (folder) => git(folder, 'tag', 'main')],
    [
      'a replaced commit',
      (folder) => {
        writeFiles(folder, { 'b.txt': 'two' })
        git(folder, 'add', '.')
        git(folder, 'commit', '-qm', 'Second')
        git(folder, 'replace', '--graft', 'HEAD')
      },
    ],
  ]
  test.each(contents)('%s', async (_title, make) => {
    const { folder } = makeRepository()
    make(folder)
    git(folder, 'add', '.')
    git(folder, 'commit', '-qm', 'Hostile', '--allow-empty')
    const tree = git(folder, 'ls-tree', '-r', 'refs/heads/main')
    const node = openNode()
    await startDaemon(node)
    const spawn = spawnOf('t1', {
      repository: folder,
      baseBranch: 'main',
      targetBranch: 'writ/d/0/1',
      task: { plan: 'echo mine > mine.txt' },
    })
    const { verb, body } = await run(node, spawn)
    expect([verb, body['reason']]).toEqual(['done', undefined])
    const after = git(folder, 'ls-tree', '-r', 'refs/heads/writ/d/0/1').split('\n')
    expect(after.filter((line) => !line.endsWith('\tmine.txt')).join('\n')).toBe(tree)
    expect(existsSync(mark)).toBe(false)
  })
})

describe('what a task does to its workspace harms nobody:', () => {
  const outside = (): string => {
    const folder = temporaryFolder()
    writeFiles(folder, { 'secret.txt': 'secret' })
    return folder
  }
  const deeds: [string, (secrets: string, program: string) => string, RegExp | null][] = [
    [
      'it puts a link in its place',
      (secrets) => `here=$PWD; cd /; rm -r "$here"; ln -s ${secrets} "$here"`,
      /workspace is not the folder/,
    ],
    ['it moves it away', () => 'mv "$PWD" "$PWD.away"; true', /workspace is not the folder/],
    [
      'it makes a git folder with settings of its own',
      (_, program) => `rm .git; git init -q .; git config core.fsmonitor ${program}; echo x > x`,
      null,
    ],
    [
      'it makes a repository inside with settings of its own',
      (_, program) =>
        `git init -q in; git -C in -c user.name=x -c user.email=x@y commit -q --allow-empty -m x; git -C in config core.fsmonitor ${program}; echo x > in/x`,
      null,
    ],
    [
      'it has git run a program of its own for all worktrees of the repository',
      (_, program) => `git config core.fsmonitor ${program}; git config core.hooksPath ${program}.d; echo x > x`,
      null,
    ],
    ['it links out of it', (secrets) => `ln -s ${secrets} out; ln -s ${secrets}/secret.txt file`, null],
    ['it leaves a lock of git behind', () => 'touch "$(git rev-parse --git-path index.lock)"', null],
    ['it leaves a pipe and a socket behind', () => 'mkfifo pipe; echo x > x', null],
  ]
  test.each(deeds)('%s', async (_title, planOf, reason) => {
    const { folder, base } = makeRepository()
    const secrets = outside()
    const marks = temporaryFolder()
    const program = join(temporaryFolder(), 'program')
    writeFiles(join(program, '..'), { program: `#!/bin/sh\ntouch ${marks}/run\n` })
    chmodSync(program, 0o755)
    const node = openNode()
    await startDaemon(node)
    const spawn = spawnOf('t1', {
      repository: folder,
      startCommit: base,
      targetBranch: 'writ/d/0/1',
      task: { plan: planOf(secrets, program) },
    })
    const { verb, body } = await run(node, spawn)
    expect([verb, body['reason'] ?? null]).toEqual(
      reason === null ? ['done', null] : ['failed', expect.stringMatching(reason)],
    )
    const blobs = git(folder, 'rev-list', '--all', '--objects').split('\n')
    for (const [id = '', name] of blobs.map((line) => line.split(' ')))
      if (name !== undefined && !['out', 'file'].includes(name))
        expect(git(folder, 'cat-file', '-p', id)).not.toContain('secret')
    expect(readFileSync(join(secrets, 'secret.txt'), 'utf8')).toBe('secret')
    expect(readdirSync(marks)).toEqual([])
    const again = await run(node, spawnOf('t2', { repository: folder, startCommit: base, targetBranch: 'writ/d/1/1' }))
    expect(again.verb).toBe('done')
  })
})
