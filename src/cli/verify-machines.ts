/** `writ machines check`: what this build would do with what is stored, for people, pipes and programs. */
import { checkMachinesOf, type MachineHarm } from '../verify-of.ts'
import { show, type Context } from './context.ts'
import { counted } from './counted.ts'
import { printTable } from './table.ts'
import { oneLine } from './terminal.ts'
import { databaseUrl } from './verify-database.ts'

/** Ends with 1 when any actor would be parked or changed. */
export const checkStoredMachines = async (context: Context, all: boolean): Promise<void> => {
  const { machines, harms } = await checkMachinesOf(databaseUrl(context.settings()), all)
  const { terminal } = context
  show(context, { well: harms.length === 0, machines, harms }, () => {
    if (terminal.rich)
      printTable(terminal, machines, [
        { heading: 'MACHINE', text: ({ machine }) => machine },
        { heading: 'KNOWN', text: ({ known }) => (known ? 'yes' : 'no') },
        { heading: 'ACTORS', text: ({ actors }) => String(actors), right: true },
        { heading: 'HARMED', text: ({ harmed }) => String(harmed), right: true },
      ])
    for (const harm of harms) printHarm(context, harm)
    const actors = machines.reduce((sum, line) => sum + line.actors, 0)
    const harmed = machines.reduce((sum, line) => sum + line.harmed, 0)
    const what = harmed === 0 ? 'this version goes on with all of them' : `${harmed} would come to harm`
    terminal.say(`Opened ${counted(actors, 'snapshot')}: ${what}.`)
  })
  if (harms.length > 0) context.end(1)
}

const printHarm = ({ terminal }: Context, { machine, problem, why, actors, first }: MachineHarm): void => {
  if (!terminal.rich)
    return terminal.print([machine, problem, String(actors), why, first.join(' ')].map(oneLine).join('\t'))
  const others = actors > first.length ? ` and ${actors - first.length} more` : ''
  terminal.print(`${terminal.paint.red(problem)} ${machine}: ${oneLine(why)}`)
  terminal.print(`  ${first.map(oneLine).join(', ')}${others}`)
}
