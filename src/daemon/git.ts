/**
 * The one way that the daemon runs git: without a shell, in a process group of its own, with an environment from empty and
 * the user's, the system's and the repository's power to run programs switched off.
 */
import { tmpdir } from 'node:os'
import { StringDecoder } from 'node:string_decoder'
import { environmentFor } from './environment.ts'
import { keepTail } from './output.ts'
import type { Take } from './process.ts'
import { start } from './process.ts'

export interface GitResult {
  code: number
  stdout: string
  stderr: string
}

export interface GitOptions {
  /** The git folder to work on; git never looks for one. */
  gitDir?: string
  workTree?: string
  /** More variables: of a commit's author, say. */
  env?: Record<string, string>
  /** Ends git's process group when aborted. */
  signal?: AbortSignal
  /** Called whenever git writes something. */
  flows?: () => void
  /** Takes what git writes to its standard output piece by piece, however much it is; else its last 8 MiB are kept. */
  take?: (text: string) => void
  /** Exit codes that are an answer, not a failure; 0 always is. */
  answers?: readonly number[]
}

export type Git = (args: readonly string[], options?: GitOptions) => Promise<GitResult>

/** git ended with a code that is no answer: out of reach, a lock, a full disk. A failure of the means. */
export class GitError extends Error {
  override readonly name = 'GitError'
}

const stdoutCharsMax = 8 * 1024 * 1024
const hardening = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.alternateRefsCommand=true',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'protocol.ext.allow=never',
  'safe.directory=*',
  'gc.auto=0',
  'maintenance.auto=false',
  'receive.autogc=false',
  // Not even a repository that is set up to update its checkout has it touched.
  'receive.denyCurrentBranch=refuse',
]
const settings = [
  ...hardening,
  'protocol.version=2',
  'commit.gpgSign=false',
  'advice.detachedHead=false',
  'advice.graftFileDeprecated=false',
  'rerere.enabled=false',
  'http.lowSpeedLimit=100',
  'http.lowSpeedTime=60',
  'core.askPass=',
  'core.quotePath=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
]

/** git's other half on this host runs with its own settings, so they are handed to it in so many words. */
export const otherHalf = (program: 'upload-pack' | 'receive-pack'): string =>
  `--${program}=git --no-replace-objects ${hardening.map((setting) => `-c ${setting === 'safe.directory=*' ? "'safe.directory=*'" : setting}`).join(' ')} ${program}`

/** What git's processes carry, so that those that outlive their daemon are known to its next start. */
export const gitMark = (home: string): { name: string; value: string } => ({ name: 'WRIT_GIT_OF', value: home })

/** `config`: more settings (`key=value`), chosen by whoever runs the daemon: a credential helper, say. `home`: the id of its home. */
export const openGit = (env: NodeJS.ProcessEnv, config: readonly string[], home: string): Git => {
  const fixed = {
    ...environmentFor(env, [
      'SSH_AUTH_SOCK',
      'SSL_CERT_FILE',
      'SSL_CERT_DIR',
      'GIT_SSL_CAINFO',
      'GIT_SSL_CAPATH',
      'HTTPS_PROXY',
      'https_proxy',
      'NO_PROXY',
      'no_proxy',
    ]),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    // A commit is what its id says: nothing that lies in a repository passes another one off as it.
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'file:https:ssh',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_EDITOR: 'true',
    // A repository that lacks objects would have them fetched from wherever its settings say, by what they say.
    GIT_NO_LAZY_FETCH: '1',
    [gitMark(home).name]: gitMark(home).value,
    // Without a git folder of its own a command works on none: never on one that happens to lie above.
    GIT_CEILING_DIRECTORIES: '/',
    GIT_DIR: '/dev/null',
  }
  const flags = [...settings, ...config].flatMap((setting) => ['-c', setting])
  return async (args, options = {}) => {
    options.signal?.throwIfAborted()
    const { gitDir, workTree } = options
    const places = {
      ...(gitDir === undefined ? {} : { GIT_DIR: gitDir }),
      ...(workTree === undefined ? {} : { GIT_WORK_TREE: workTree }),
    }
    const command = {
      file: 'git',
      args: [...flags, ...args],
      cwd: workTree ?? gitDir ?? tmpdir(),
      env: { ...fixed, ...places, ...options.env },
    }
    const result = await run(command, options)
    options.signal?.throwIfAborted()
    if (result.code === 0 || options.answers?.includes(result.code) === true) return result
    throw new GitError(`git ${args[0] ?? ''} ended with code ${result.code}: ${lastOf(result.stderr)}`)
  }
}

const run = async (command: Parameters<typeof start>[0], options: GitOptions): Promise<GitResult> => {
  const { signal, flows } = options
  const [stdout, stderr] = [keepTail(stdoutCharsMax), keepTail()]
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const takes = { stdout: options.take ?? stdout.add, stderr: stderr.add }
  const take: Take = (chunk, stream) => {
    flows?.()
    takes[stream](decoders[stream].write(chunk))
    return 0
  }
  const running = await start(command, take)
  const stop = (): void => void running.stop()
  signal?.addEventListener('abort', stop, { once: true })
  const ended = await running.ended
  signal?.removeEventListener('abort', stop)
  return { code: ended.code ?? 128, stdout: stdout.text(), stderr: stderr.text() }
}

const lastOf = (stderr: string): string =>
  stderr
    .trim()
    .split(/[\r\n]+/)
    .slice(-5)
    .join(' ')
    .slice(-600) || 'it said nothing'
