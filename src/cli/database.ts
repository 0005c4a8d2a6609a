/** `writ database restored`: what a person says once the database is an earlier one than it was. */
import { databaseRestored } from '../database-of.ts'
import { type Context, show } from './context.ts'
import { databaseUrl } from './verify-database.ts'

/** Throws UNREACHABLE when no database is named and nothing runs. */
export const restored = async (context: Context): Promise<void> => {
  const { terminal, flagsText } = context
  const answer = await databaseRestored(databaseUrl(context.settings()))
  show(context, answer, () => {
    terminal.print(`restored\t${answer.incarnation}`)
    terminal.say('Nodes that remember it as it was begin anew, and daemons are asked what they still run.')
  })
  context.next(`writ verify${flagsText}`)
}
