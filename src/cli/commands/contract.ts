/** `writ contract …`: the files of a piece of delegated work, from outside by its address, from inside a task its own. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { show, type Context } from '../context.ts'
import { contractFor } from '../contract-files.ts'
import { examples, type Declare } from '../program.ts'
import { printTable } from '../table.ts'
import { severalLines } from '../terminal.ts'
import { readBytes, shownName } from '../text-file.ts'
import { basename } from 'node:path'
import { WritError } from '../../protocol/errors.ts'

const which = ['--contract <id>', 'id or address of the contract or its task; inside a task not needed'] as const

export const contract: Declare = (command, context) => {
  examples(
    command
      .command('files')
      .description('List the files')
      .option(...which)
      .action(async (options: { contract?: string }) => files(context(), options)),
    ['writ contract files', 'writ contract files --contract hello__1_0__c1'],
  )
  examples(
    command
      .command('file')
      .description('Print the content of a file')
      .argument('<name>', 'its name, as `files` lists it')
      .option('--output <file>', 'write it there instead')
      .option(...which)
      .action(async (name: string, options: { contract?: string; output?: string }) => file(context(), name, options)),
    ['writ contract file plan.json', 'writ contract file plan.json --output copy.json --contract hello__1_0__c1'],
  )
  examples(
    command
      .command('put')
      .description('Add a file, or replace it (at most 8 MiB)')
      .argument('<file>', 'the file; - for standard input')
      .option('--name <name>', "its name in the contract, else the file's own")
      .option(...which)
      .action(async (path: string, options: { contract?: string; name?: string }) => put(context(), path, options)),
    ['writ contract put plan.json', 'writ contract put - --name notes.md --contract hello__1_0__c1'],
  )
  examples(
    command
      .command('complete')
      .description('Say that the work is complete')
      .option(...which)
      .action(async (options: { contract?: string }) => complete(context(), options)),
    ['writ contract complete', 'writ contract complete --contract hello__1_0__c1'],
  )
}

const files = async (context: Context, options: { contract?: string }): Promise<void> => {
  const contract = await contractFor(context, options.contract)
  const list = await contract.files()
  show(context, { files: list }, () =>
    printTable(context.terminal, list, [
      { heading: 'NAME', text: ({ name }) => name },
      { heading: 'BYTES', text: ({ bytes }) => String(bytes), right: true },
      { heading: 'SHA-256', text: ({ hash }) => hash },
    ]),
  )
  if (list.length === 0) context.terminal.say('There are no files.')
}

const file = async (context: Context, name: string, options: { contract?: string; output?: string }): Promise<void> => {
  const contract = await contractFor(context, options.contract)
  const bytes = await contract.read(name)
  const { terminal, world, json } = context
  if (options.output !== undefined) {
    write(resolve(world.cwd, options.output), bytes)
    return terminal.say(`Wrote ${bytes.length} bytes to ${options.output}.`)
  }
  if (json) terminal.json({ name, bytes: bytes.length, data: Buffer.from(bytes).toString('base64') })
  // Whole and exact for a program; for a person nothing of it moves the cursor.
  else terminal.out.write(terminal.rich ? severalLines(new TextDecoder().decode(bytes)) : bytes)
}

const write = (path: string, bytes: Uint8Array): void => {
  try {
    writeFileSync(path, bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WritError('BAD_INPUT', `${path} cannot be written: ${why}`, {
      hint: 'name a file in a folder that is there and yours',
      cause,
    })
  }
}

const put = async (context: Context, path: string, options: { contract?: string; name?: string }): Promise<void> => {
  const bytes = await readBytes(path, context.world.cwd)
  const name = options.name ?? (path === '-' ? undefined : basename(path))
  if (name === undefined)
    throw new WritError('BAD_INPUT', 'what is the file to be called?', { hint: 'add --name <name>' })
  const contract = await contractFor(context, options.contract)
  await contract.put(name, bytes)
  show(context, { name, bytes: bytes.length }, () =>
    context.terminal.say(`Put ${shownName(path)} as ${name}, ${bytes.length} bytes.`),
  )
}

const complete = async (context: Context, options: { contract?: string }): Promise<void> => {
  const contract = await contractFor(context, options.contract)
  const answer = await contract.finish()
  show(context, answer, () => context.terminal.say('The work is marked as complete.'))
}
