/** Repositories by URL, against servers of their own kind on loopback: git's own CGI behind HTTPS, and sshd. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../src/embedded/free-port.ts'
import type { Spawn } from '../../src/protocol/task.ts'
import type { Node, Reported } from './support.ts'
import {
  after,
  git,
  makeRepository,
  openNode,
  skipAloud,
  spawnOf,
  startDaemon,
  temporaryFolder,
  until,
  writeFiles,
} from './support.ts'

const bareOf = (folder: string, root: string): string => {
  git(folder, 'clone', '--quiet', '--bare', folder, join(root, 'project.git'))
  return join(root, 'project.git')
}

const run = async (node: Node, order: Spawn): Promise<Reported> => {
  await node.order('spawn', order)
  return node.outcome(order.task.id)
}

/** Two daemons with clones of their own do a step each, and one of them merges both and publishes the line. */
const wholeWay = async (url: string, bare: string): Promise<void> => {
  const nodes = [openNode(), openNode()] as const
  for (const node of nodes) await startDaemon(node)
  const [left, right] = nodes
  const merger = (id: string, merge: Spawn['merge']): Spawn =>
    spawnOf(id, { repository: url, merge, baseBranch: 'main', task: { role: 'merger' } })
  const lineOf = ({ body }: Reported): string => {
    expect(body['reason']).toBeUndefined()
    return (body['merge'] as { line: string }).line
  }
  let line = lineOf(await run(left, merger('p', { kind: 'prepare' })))
  const worker = (id: string): Spawn =>
    spawnOf(id, {
      repository: url,
      startCommit: line,
      targetBranch: `writ/d/${id}/1`,
      task: { plan: `echo ${id} > ${id}` },
    })
  const reports = await Promise.all([run(left, worker('a')), run(right, worker('b'))])
  for (const [at, { body }] of reports.entries()) {
    expect(body['reason']).toBeUndefined()
    line = lineOf(
      await run(right, merger(`m${at}`, { kind: 'merge', line, commit: String(body['commit']), into: 'writ/d/line' })),
    )
  }
  await run(left, merger('l', { kind: 'publish', line, into: 'writ/d/line' }))
  expect(git(bare, 'rev-parse', 'writ/d/line')).toBe(line)
  expect(git(bare, 'ls-tree', '--name-only', 'writ/d/line').split('\n')).toEqual(['a', 'a.txt', 'b'])
}

const hasProgram = (name: string, ...args: string[]): boolean => {
  try {
    execFileSync(name, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A certificate for 127.0.0.1 that nobody else knows. */
const certificate = (folder: string): { key: string; cert: string } => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  return { key, cert }
}

/** git's CGI behind HTTPS, for who knows the password. */
const startHttps = async (root: string, { key, cert }: { key: string; cert: string }): Promise<number> => {
  const backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend')
  const expected = `Basic ${Buffer.from('me:geheim').toString('base64')}`
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const { url = '/', method = 'GET', headers } = request
    if (headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
      return
    }
    const { pathname, search } = new URL(url, 'https://127.0.0.1')
    const env = {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: method,
      REMOTE_USER: 'me',
      REMOTE_ADDR: '127.0.0.1',
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
    }
    const cgi = spawn(backend, { env, stdio: ['pipe', 'pipe', 'ignore'] })
    request.pipe(cgi.stdin)
    cgi.stdin.on('error', () => undefined)
    const pieces: Buffer[] = []
    cgi.stdout.on('data', (piece: Buffer) => pieces.push(piece))
    cgi.once('close', () => {
      const whole = Buffer.concat(pieces)
      const end = whole.indexOf('\r\n\r\n')
      const lines = whole.subarray(0, end).toString('latin1').split('\r\n')
      const fields = lines.map((each) => each.split(': ') as [string, string])
      const status = Number(fields.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? 200)
      response.writeHead(status, Object.fromEntries(fields.filter(([name]) => name !== 'Status')))
      response.end(whole.subarray(end + 4))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  after(() => new Promise((done) => server.close(done)))
  return (server.address() as AddressInfo).port
}

test('a repository by https, with a password in its URL, that is seen nowhere', async ({ skip }) => {
  if (!hasProgram('openssl', 'version'))
    return skipAloud(skip, 'there is no openssl here: repositories by https are not tried')
  const root = temporaryFolder()
  const { folder } = makeRepository()
  const bare = bareOf(folder, root)
  const made = certificate(temporaryFolder())
  const port = await startHttps(root, made)
  process.env['GIT_SSL_CAINFO'] = made.cert
  after(() => Promise.resolve(delete process.env['GIT_SSL_CAINFO']))
  await wholeWay(`https://me:geheim@127.0.0.1:${port}/project.git`, bare)

  const node = openNode()
  const { home } = await startDaemon(node)
  const wrong = await run(node, spawnOf('w', { repository: `https://me:geheim@127.0.0.1:${port}/other.git` }))
  expect(wrong.body).toMatchObject({ means: true, reason: expect.stringContaining('not found') as string })
  const denied = await run(node, spawnOf('n', { repository: `https://me:falsch@127.0.0.1:${port}/project.git` }))
  expect(denied.body).toMatchObject({ means: true, reason: expect.stringMatching(/authentication failed/i) as string })
  expect(JSON.stringify([node.reports, node.bus.published])).not.toMatch(/geheim|falsch/)
  await until(() => readdirSync(join(home, 'work')).length === 0)
  const kept = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { parentPath, name } of kept.filter(({ parentPath }) => !parentPath.includes('attempts')))
    expect(readFileSync(join(parentPath, name), 'latin1')).not.toMatch(/geheim|falsch/)
  delete process.env['GIT_SSL_CAINFO']
  const strangers = openNode()
  await startDaemon(strangers)
  const unknown = await run(strangers, spawnOf('u', { repository: `https://me:geheim@127.0.0.1:${port}/project.git` }))
  expect(unknown.body).toMatchObject({ means: true, reason: expect.stringMatching(/certificate/i) as string })
})

/** The first `ssh` on the PATH of daemons that start from now on; `$SSH` in the script is the real one. */
const putSsh = (script: string): void => {
  const before = process.env['PATH']
  const bin = temporaryFolder()
  const real = execFileSync('sh', ['-c', 'command -v ssh || true'], { encoding: 'utf8' }).trim()
  writeFiles(bin, { ssh: `#!/bin/sh\nSSH=${real}\n${script}\n` })
  chmodSync(join(bin, 'ssh'), 0o755)
  process.env['PATH'] = `${bin}:${before}`
  after(() => Promise.resolve((process.env['PATH'] = before)))
}

test('a repository by ssh is asked for without a question, in both forms of its URL', async () => {
  const root = temporaryFolder()
  const { folder } = makeRepository()
  const bare = bareOf(folder, root)
  const calls = join(root, 'calls')
  // The far end is this machine; git's last argument is the command for its shell.
  putSsh(`echo "$@" >> ${calls}\nfor last; do :; done\ncd ${root}; exec sh -c "$last"`)
  await wholeWay('git@localhost:project.git', bare)
  const node = openNode()
  await startDaemon(node)
  const { verb } = await run(node, spawnOf('t', { repository: `ssh://git@localhost:22${bare}` }))
  expect(verb).toBe('done')
  const lines = readFileSync(calls, 'utf8').trim().split('\n')
  expect(
    lines.every((line) => /^-o BatchMode=yes (?:-o SendEnv=GIT_PROTOCOL |-p 22 )*git@localhost git-/.test(line)),
  ).toBe(true)
})

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', process.env['WRIT_TEST_SSHD'] ?? ''].find(
  (path) => path !== '' && existsSync(path),
)

test('a repository by ssh, from a real sshd', async ({ skip }) => {
  if (sshd === undefined)
    return skipAloud(skip, 'there is no sshd here: repositories by ssh are tried with a stand-in only')
  if (userInfo().uid === 0 && !hasProgram('id', 'sshd'))
    return skipAloud(
      skip,
      'sshd needs a user sshd when it runs as root: repositories by ssh are tried with a stand-in only',
    )
  const root = temporaryFolder()
  const { folder } = makeRepository()
  const bare = bareOf(folder, root)
  const keys = join(root, 'keys')
  mkdirSync(keys, { mode: 0o700 })
  for (const name of ['host', 'me'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)])
  const port = await freePort(0)
  const hostKey = readFileSync(join(keys, 'host.pub'), 'utf8')
  writeFiles(keys, {
    known: `[127.0.0.1]:${port} ${hostKey}`,
    allowed: readFileSync(join(keys, 'me.pub'), 'utf8'),
    server: [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${keys}/host`,
      `AuthorizedKeysFile ${keys}/allowed`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      `PidFile ${keys}/pid`,
    ].join('\n'),
    client: [`IdentityFile ${keys}/me`, 'IdentitiesOnly yes', `UserKnownHostsFile ${keys}/known`].join('\n'),
  })
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const server = spawn(sshd, ['-D', '-e', '-f', join(keys, 'server')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  after(() => Promise.resolve(server.kill()))
  await until(() => said.includes('Server listening') || server.exitCode !== null)
  expect(said).toContain('Server listening')
  putSsh(`exec $SSH -F ${keys}/client "$@"`)
  await wholeWay(`ssh://${userInfo().username}@127.0.0.1:${port}${bare}`, bare)

  writeFileSync(join(keys, 'known'), '')
  const node = openNode()
  await startDaemon(node)
  const { body } = await run(node, spawnOf('u', { repository: `ssh://git@127.0.0.1:${port}${bare}` }))
  expect(body).toMatchObject({ means: true, reason: expect.stringContaining('Host key verification failed') as string })
})

test('a repository with other ids fails for good and in words', async () => {
  const other = join(temporaryFolder(), 'other')
  git('.', 'init', '--quiet', '--object-format=sha256', '--initial-branch=main', other)
  git(other, 'commit', '--quiet', '--allow-empty', '--message', 'First')
  const node = openNode()
  await startDaemon(node)
  const { body } = await run(node, spawnOf('t', { repository: other, targetBranch: 'writ/d/x/1' }))
  const why = `${other} has ids of another kind than SHA-1`
  expect(body).toMatchObject({ means: false, reason: expect.stringContaining(why) as string })
})
