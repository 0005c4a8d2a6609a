/** `writ verify` as a process of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Finding } from '../../src/protocol/findings.ts'
import { atExit } from './at-exit.ts'

const bytesMax = 64 * 1024 * 1024
/** It only reads. */
const killSignal = 'SIGKILL'

/** What it finds. `args`: those of Node. */
export const findingsOf = async (
  args: readonly string[],
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Finding[]> => {
  const running = promisify(execFile)(process.execPath, args, { env, maxBuffer: bytesMax, signal, killSignal })
  const spared = atExit(() => running.child.kill(killSignal))
  const { stdout } = await running.catch(outputOf).finally(spared)
  const { findings } = JSON.parse(stdout) as { findings?: Finding[] }
  if (findings === undefined) throw new Error(`writ verify does not say what it finds: ${stdout.slice(0, 1000)}`)
  return findings
}

/** It ends with 1 when it finds something. */
const outputOf = (error: unknown): { stdout: string } => {
  const { code, stdout } = error as { code?: unknown; stdout?: string }
  if (code === 1 && stdout !== undefined) return { stdout }
  throw error
}
