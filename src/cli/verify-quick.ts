/** What `writ doctor` says of what is stored: the quick form of `writ verify`, for a few seconds at most. */
import { WritError } from '../protocol/errors.ts'
import { quickVerifyMs } from '../protocol/limits.ts'
import { verifyDatabase } from '../verify-of.ts'
import type { Settings } from './config.ts'
import { counted } from './counted.ts'
import type { Look } from './doctor.ts'
import { databaseUrl } from './verify-database.ts'

/** Throws INTERNAL when anything is wrong, and what reaching the database throws. */
export const stateFinding = async (settings: Settings): Promise<Look> => {
  const verified = await quickly(settings)
  if (typeof verified !== 'object' || 'note' in verified) return verified
  const { findings, directives, actors } = verified
  if (findings.length === 0) return `${counted(directives, 'directive')} with ${counted(actors, 'actor')}`
  const kinds = [...new Set(findings.map(({ code }) => code))]
  throw new WritError(
    'INTERNAL',
    `${counted(findings.length, 'thing')} ${findings.length === 1 ? 'is' : 'are'} wrong with what is stored: ${kinds.join(', ')}`,
    {
      hint: 'see `writ verify`',
    },
  )
}

/** A server on which nothing was ever stored, or one that is slow, is no fault of what is stored. */
const quickly = async (settings: Settings): Promise<Look | Awaited<ReturnType<typeof verifyDatabase>>> => {
  try {
    return await verifyDatabase({ url: databaseUrl(settings), directive: null, quick: true, withinMs: quickVerifyMs })
  } catch (error) {
    if (!(error instanceof WritError)) throw error
    if (error.code === 'REFUSED') return 'nothing is stored yet in the form of this version'
    if (error.code === 'TIMED_OUT')
      return { note: `not looked through within ${quickVerifyMs / 1000} s`, remedy: 'see `writ verify`' }
    if (error.code === 'UNREACHABLE' && settings.database === null) return 'nothing is stored here yet'
    throw error
  }
}
