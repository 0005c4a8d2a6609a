/** A registry's tables: daemons, needs (one row per directive), grants. Times are ms since 1970, by the database's clock. */
import type { Role } from '../../protocol/directive.ts'
import type { ActorKey } from '../../protocol/ids.ts'

/** A daemon that said hello, or a script's `pull` (then with its inbox). */
export interface DaemonRow {
  owner: string
  name: string
  session: string
  home: string | null
  slots: number
  roles: readonly Role[]
  executors: readonly string[]
  labels: Record<string, string>
  draining: boolean
  inbox: string | null
  at: number
}

/** What one kind of task of a directive lacks. */
export interface NeedLine {
  role: Role
  labels: Record<string, string>
  executor: string | null
  count: number
  priority: number
  since: number
}

export interface NeedRow {
  owner: string
  directive: ActorKey
  lines: readonly NeedLine[]
  /** The number of the last grant that the directive had seen when it said so, and of the last that was made for it. */
  seen: number
  granted: number
}

export interface GrantRow {
  owner: string
  id: string
  directive: ActorKey
  number: number
  daemon: string
  session: string
  /** Which of the need's lines it was made for: the role, and the whole requirement as the desk writes it. */
  role: Role
  requirement: string
  recalled: boolean
  at: number
}
