/** Where a pid means something. Containers and hosts that share a disk share no pids: what is recorded in one says nothing in another. */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'

export const pidScope = z.object({
  /** By which people know it. */
  host: z.string(),
  /** These three where the system says so: Linux. */
  machine: z.string().optional(),
  boot: z.string().optional(),
  namespace: z.string().optional(),
})
export type PidScope = z.infer<typeof pidScope>

/** That of all processes which are in no container: the kernel gives it always this number. */
const outermost = 'pid:[4026531836]'

export function ourScope(): PidScope {
  return {
    host: hostname(),
    machine: known(() => readFileSync('/etc/machine-id', 'utf8')),
    boot: known(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    namespace: namespaceOf('self'),
  }
}

/** Whether a process that we see is in a container which we are not in, as far as we may look. */
export function isApart(pid: number): boolean {
  const its = namespaceOf(pid)
  return its !== undefined && its !== namespaceOf('self')
}

/** `over`: on this machine before its last start, so that nothing lives of it; `elsewhere`: no pid tells. Older versions wrote none: `here`. */
export function whereIs(scope: PidScope | undefined, ours: PidScope = ourScope()): 'here' | 'over' | 'elsewhere' {
  if (scope === undefined) return 'here'
  if (scope.boot === ours.boot) {
    // Without a boot there are no namespaces either.
    const isSame = ours.boot === undefined ? scope.host === ours.host : scope.namespace === ours.namespace
    return isSame ? 'here' : 'elsewhere'
  }
  return [scope, ours].every(isWholeMachine) && scope.host === ours.host && scope.machine === ours.machine
    ? 'over'
    : 'elsewhere'
}

/** Of an image there may be many containers with one name and one id. */
const isWholeMachine = ({ machine, namespace }: PidScope): boolean => machine !== undefined && namespace === outermost

const namespaceOf = (pid: number | 'self'): string | undefined => known(() => readlinkSync(`/proc/${pid}/ns/pid`))

function known(read: () => string): string | undefined {
  try {
    return read().trim() || undefined
  } catch {
    return undefined
  }
}
