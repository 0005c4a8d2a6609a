/**
 * The processes that descend from an attempt's programs, wherever they have gone since. A process that nobody knows is one of
 * them when its parent, its group or its session is of one that is known, or when it writes to where its program was given to write.
 * Each is known by its id and when it started. Only on Linux; elsewhere nobody is known.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Stat } from './process-group.ts'
import { statOf } from './process-group.ts'

export interface Family {
  /** A program that has not begun yet, as the leader of a session of its own. */
  add: (pid: number) => void
  /** Looks once more, and returns those that live. `besides`: processes that are certainly none of them. */
  look: (besides?: ReadonlySet<string>) => Promise<number[]>
  /** Not looked after any more between calls of `look`. */
  close: () => void
}

export interface Families {
  open: () => Family
}

/** How often it looks by itself, in ms: whoever gives up parent, session and outputs in a shorter time is missed. */
const lookMs = 1000
/** Looking takes no more than this part of the time, however many processes there are. */
const lookPart = 0.05
/** Looked at before other things have their turn. */
const processesAtOnce = 100

/** Those of one daemon: they are looked after together. */
export const openFamilies = (): Families => {
  const open = new Set<Kin>()
  let timer: NodeJS.Timeout | null = null
  let isLooking = false
  const lookLater = (inMs: number): void => {
    if (timer === null && !isLooking && open.size > 0) timer = setTimeout(() => void look(), inMs).unref()
  }
  const look = async (): Promise<void> => {
    const began = performance.now()
    timer = null
    isLooking = true
    // Without a descriptor to look with (EMFILE), say: the next look may have one.
    const seen = await processes().catch(() => null)
    if (seen !== null) for (const kin of open) kin.see(seen)
    isLooking = false
    lookLater(Math.max(lookMs, (performance.now() - began) / lookPart))
  }
  const close = (kin: Kin): void => {
    open.delete(kin)
    if (open.size > 0 || timer === null) return
    clearTimeout(timer)
    timer = null
  }
  return {
    open: () => {
      const kin = openKin()
      return {
        add: (pid) => {
          kin.add(pid)
          open.add(kin)
          lookLater(lookMs)
        },
        look: async (besides) => (kin.isEmpty() ? [] : kin.see(await processes(besides), true)),
        close: () => close(kin),
      }
    },
  }
}

interface Kin {
  add: (pid: number) => void
  isEmpty: () => boolean
  /** Those that live, by what was seen. `thoroughly`: also by where they write. */
  see: (seen: ReadonlyMap<number, Stat>, thoroughly?: boolean) => number[]
}

const openKin = (): Kin => {
  let known = new Map<number, Stat>()
  const outputs = new Set<string>()
  return {
    add: (pid) => {
      const stat = statOf(pid)
      if (stat === null || stat.session !== pid) return
      known.set(pid, stat)
      for (const output of outputsOf(pid)) outputs.add(output)
    },
    isEmpty: () => known.size === 0 && outputs.size === 0,
    see: (seen, thoroughly = false) => {
      const writes = (pid: number): boolean => thoroughly && outputsOf(pid).some((output) => outputs.has(output))
      known = grown(stillThere(known), seen, writes)
      return [...known].filter(([, { state }]) => state !== 'Z' && state !== 'X').map(([pid]) => pid)
    },
  }
}

/** Also those that only wait to be reaped: until then nobody else gets their id. */
const stillThere = (known: ReadonlyMap<number, Stat>): Map<number, Stat> =>
  new Map(
    [...known].flatMap(([pid, { ticks }]) => {
      const now = statOf(pid)
      return now?.ticks === ticks ? [[pid, now] as const] : []
    }),
  )

/** The known, and whoever belongs to them. */
const grown = (
  known: ReadonlyMap<number, Stat>,
  seen: ReadonlyMap<number, Stat>,
  writes: (pid: number) => boolean,
): Map<number, Stat> => {
  const family = new Map(known)
  const groups = new Set([...known.values()].map(({ group }) => group))
  const sessions = new Set([...known.values()].map(({ session }) => session))
  const others = new Map([...seen].filter(([pid]) => !known.has(pid)))
  const belongs = (pid: number, { parent, group, session }: Stat): boolean =>
    family.has(parent) || groups.has(group) || sessions.has(session) || writes(pid)
  for (let before = -1; before < family.size;) {
    before = family.size
    for (const [pid, stat] of others) {
      if (!belongs(pid, stat)) continue
      others.delete(pid)
      family.set(pid, stat)
      groups.add(stat.group)
      sessions.add(stat.session)
    }
  }
  return family
}

const processes = async (besides?: ReadonlySet<string>): Promise<Map<number, Stat>> => {
  const seen = new Map<number, Stat>()
  if (process.platform !== 'linux') return seen
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && besides?.has(name) !== true)
  for (const [at, id] of ids.entries()) {
    if (at > 0 && at % processesAtOnce === 0) await nextTurn()
    const stat = statOf(id)
    if (stat !== null && Number(id) !== process.pid) seen.set(Number(id), stat)
  }
  return seen
}

/** Where a process writes to, as a name that no other has while somebody writes there. */
const outputsOf = (pid: number): string[] =>
  [1, 2].flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${descriptor}`)
      return /^(?:socket|pipe):\[\d+\]$/.test(target) ? [target] : []
    } catch {
      // It has ended, has closed it, or is another user's.
      return []
    }
  })
