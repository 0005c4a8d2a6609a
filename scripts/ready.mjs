/** Makes a checkout ready to run: packages as package-lock.json says, `dist` as `src` says. Needs nothing but Node and npm. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundled } from './bundle.mjs'
import { locked } from './lock.mjs'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const cache = join(root, '.cache')
const modules = join(root, 'node_modules')
const runFile = promisify(execFile)
const say = (text) => process.stderr.write(`${text}\n`)

/** What a person can mend: its message says all there is to say. */
class NotReady extends Error {}

/** What a system says of a checkout that is another user's, or on a medium that is only read. */
const notWritable = new Set(['EPERM', 'EACCES', 'EROFS'])

/** Runs `installed` or `built` or both; when one cannot be had, says why and ends the process. */
export async function ready(...makers) {
  try {
    for (const maker of makers) await maker()
  } catch (error) {
    if (error instanceof NotReady) say(error.message)
    else if (notWritable.has(error.code)) say(cannotWrite(error))
    else throw error
    process.exit(1)
  }
}

const cannotWrite = ({ message }) =>
  `Writ: ${root} cannot be written (${message}), and is not installed and built yet: its owner runs \`npm run build\` there.`

/** Installs the packages unless they are those of package-lock.json already. */
export async function installed() {
  checkNode()
  if (packagesMatch()) return
  await oneAtATime(async () => {
    if (packagesMatch()) return
    say('Installing packages (once; about half a minute) …')
    const kinds = ['--include=dev', '--include=optional']
    await step(
      'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...kinds],
      'npm ci failed',
    )
  })
}

/** Compiles `src` into `dist` unless that was made from the very same files, and links the `writ` command. */
export async function built() {
  const stamp = join(root, 'dist', '.made-from')
  const fresh = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(['src'])
  if (!fresh()) {
    await oneAtATime(async () => {
      if (fresh()) return
      say('Building …')
      const [made, old] = [join(cache, 'dist-new'), join(cache, 'dist-old')]
      await compiled('tsconfig.build.json', made, ['src'], ['--emitDeclarationOnly'])
      await bundled(join(root, 'src'), made, join(root, 'dist')).catch(({ message }) => {
        throw new NotReady(`${message}\n\nWrit: the programs could not be put together (see above)`)
      })
      chmodSync(join(made, 'cli', 'main.js'), 0o755)
      rmSync(old, { recursive: true, force: true })
      if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old)
      renameSync(made, join(root, 'dist'))
    })
  }
  linkCommand()
}

/** Compiles `project` into `folder`, with what is not TypeScript (migrations, pages) copied beside it; `more`: options of tsc. */
export async function compiled(project, folder, sources, more = []) {
  const made = fingerprint(sources)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const base = sources.length === 1 ? join(root, sources[0]) : root
  await step(join(modules, '.bin', 'tsc'), ['-p', project, '--outDir', folder, ...more], 'the source does not compile')
  for (const file of sources.flatMap(filesUnder).filter((name) => !name.endsWith('.ts'))) {
    cpSync(file, join(folder, file.slice(base.length)))
  }
  writeFileSync(join(folder, '.made-from'), made)
}

function checkNode() {
  const needed = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '')
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [majorMin, minorMin] = needed.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new NotReady(`Writ needs Node ${needed} or newer; this is Node ${process.versions.node} (${process.execPath}).`)
}

/** Compares what npm noted about its last install with what package-lock.json asks for. Optional packages may be absent. */
function packagesMatch() {
  const noted = join(modules, '.package-lock.json')
  if (!existsSync(noted)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(noted, 'utf8')).packages
  const same = (name) => {
    const [asked, has] = [wanted[name], present[name]]
    return has?.version === asked.version && (asked.integrity ?? has.integrity) === has.integrity
  }
  const names = Object.keys(wanted).filter((name) => name !== '' && !(wanted[name].optional && !present[name]))
  return names.every(same) && Object.keys(present).every((name) => name in wanted)
}

/** What `dist` depends on, as one hash: a changed, added or removed file, and nothing else, makes it stale. */
function fingerprint(sources) {
  const hash = createHash('sha256')
  const names = ['package-lock.json', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs']
  const settings = names.map((name) => join(root, name))
  for (const file of [...sources.flatMap(filesUnder), ...settings]) {
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

function filesUnder(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  return files.sort()
}

/** npx looks in node_modules/.bin; npm itself never links a package's own commands there. */
function linkCommand() {
  const link = join(modules, '.bin', 'writ')
  if (existsSync(link)) return
  try {
    rmSync(link, { force: true })
    symlinkSync('../../dist/cli/main.js', link)
  } catch (error) {
    // All but `npx writ` works without it.
    if (!notWritable.has(error.code)) throw error
  }
}

function oneAtATime(work) {
  return locked(join(cache, 'ready.lock'), () => say('Waiting for another start that installs or builds here …'), work)
}

/** Runs a program that says nothing unless it fails; then all that it said is in the error. */
async function step(command, args, failed) {
  try {
    await runFile(command, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message
    throw new NotReady(`${said}\n\nWrit: ${failed} (see above). The command was: ${[command, ...args].join(' ')}`)
  }
}
