/** `writ database restored`: what a person says once the database is an earlier one than it was. */
import { databaseRestored } from '../database-of.ts'
import { type Context, flagged, show } from './context.ts'
import { shown } from './shown-url.ts'
import { databaseUrl } from './verify-database.ts'

/** Throws UNREACHABLE when no database is named and nothing runs. */
export const restored = async (context: Context): Promise<void> => {
  const { terminal, written, flagsText } = context
  const answer = await databaseRestored(databaseUrl(context.settings()))
  show(context, answer, () => {
    terminal.print(`restored\t${answer.incarnation}`)
    terminal.say('Nodes that remember it as it was begin anew, and daemons are asked what they still run.')
  })
  context.next(`writ verify${databaseFlag(written.get('databaseUrl') ?? [])}${flagsText}`)
}

/** With a gap where a password was: whoever pastes it sees what is missing. */
const databaseFlag = ([url]: readonly string[]): string => {
  if (url === undefined) return ''
  const { password } = new URL(url)
  return flagged('--database-url', password === '' ? shown(url) : shown(url).replace('@', ':…@'))
}
