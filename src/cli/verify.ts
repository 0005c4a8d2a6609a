/** `writ verify`: what it looks at, how far it is, and what it found, for people, pipes and programs. */
import { WritError } from '../protocol/errors.ts'
import { type Finding, type FindingCode, findingCodes } from '../protocol/findings.ts'
import { actorKey } from '../protocol/ids.ts'
import { verifyDatabase, type Verified } from '../verify-of.ts'
import { show, type Context } from './context.ts'
import { oneLine } from './terminal.ts'
import { counted } from './counted.ts'
import { databaseUrl } from './verify-database.ts'

export interface VerifyFlags {
  directive?: string
  quick?: boolean
}

/** Of each kind so many are told to people; a pipe and a program get all. */
const shownMax = 20

/** Ends with 1 when anything is wrong. Throws NOT_FOUND for a directive that is not there. */
export const verifyStored = async (context: Context, { directive, quick = false }: VerifyFlags): Promise<void> => {
  const settings = context.settings()
  const of = directive === undefined ? null : actorKey(settings.owner, directive)
  const progress = progressOf(context)
  const verified = await verifyDatabase({ url: databaseUrl(settings), directive: of, quick, progress: progress.told })
  progress.end()
  if (directive !== undefined && verified.directives === 0)
    throw new WritError('NOT_FOUND', `there is no directive ${directive}`, {
      hint: 'writ directive list shows what there is',
    })
  const { findings, more, directives, actors } = verified
  show(context, { well: findings.length === 0, directives, actors, findings, more }, () => print(context, verified))
  if (findings.length > 0) context.end(1)
}

/** One line that changes, for a person who waits. */
const progressOf = ({
  terminal,
  world,
}: Context): { told: (done: { directives: number; of: number }) => void; end: () => void } => {
  const write = (text: string): void => {
    if (terminal.richErr) world.err.write(`\r${text}\u001B[K`)
  }
  return {
    told: ({ directives, of }) => write(`${directives} of ${of} directives`),
    end: () => write(''),
  }
}

const print = ({ terminal }: Context, { findings, more, directives, actors }: Verified): void => {
  if (terminal.rich) printGroups(terminal, findings)
  else
    for (const { code, table, key, found, right } of findings)
      terminal.print([code, table, key, found, right].map(oneLine).join('\t'))
  const looked = `Looked through ${counted(directives, 'directive')} with ${counted(actors, 'actor')}`
  const what =
    findings.length === 0
      ? 'nothing is wrong'
      : `${counted(findings.length, 'thing')} ${findings.length === 1 ? 'is' : 'are'} wrong`
  terminal.say(`${looked}: ${what}${more ? ', and more' : ''}.`)
}

const printGroups = ({ print: line, paint }: Context['terminal'], findings: readonly Finding[]): void => {
  for (const code of new Set(findings.map((finding) => finding.code))) {
    const those = findings.filter((finding) => finding.code === code)
    line(`${paint.red(code)} ${findingCodes[code satisfies FindingCode]}`)
    for (const { table, key, found, right } of those.slice(0, shownMax))
      line(`  ${table} ${oneLine(key)}: ${oneLine(found)}${paint.cyan('  → ')}${oneLine(right)}`)
    if (those.length > shownMax) line(`  … and ${those.length - shownMax} more`)
  }
}
