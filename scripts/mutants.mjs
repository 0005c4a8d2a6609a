/**
 * `npm run sim:mutants [-- --only NAME] [--seeds MAX] [--jobs J]`: plants each bug of test/sim/mutants in a copy of the source, in
 * memory, and lets the simulator look for it. Ends with `N of N found`, and with 1 when one was not found or does not apply.
 * `--only` may stand more than once, and shows the trace that led to the find; `--patches FOLDER` takes other patches.
 */
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { loaded } from './loaded.mjs'
import { patched, readPatch } from './patch.mjs'
import { installed, ready, root } from './ready.mjs'
import { simulators } from './simulator.mjs'

/** A world that takes longer than this goes round in circles. */
const worldMs = 300_000

await ready(installed)
const { asked } = await loaded('test/sim/mutants/arguments.ts')
const values = asked(process.argv.slice(2), {
  jobs: availableParallelism(),
  patches: join(root, 'test/sim/mutants'),
})
mkdirSync(join(root, '.cache'), { recursive: true })
const folder = mkdtempSync(join(root, '.cache', 'mutants-'))
try {
  const mutants = chosen()
  process.exitCode = (await found(mutants)) === mutants.length ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The patches that were asked for. All of them, asked for or not, are tried on the source before the first world runs. */
function chosen() {
  const files = readdirSync(values.patches).filter((name) => name.endsWith('.patch'))
  const all = files.toSorted().map((name) => readPatch(join(values.patches, name)))
  const stale = all.flatMap(staleOf)
  if (stale.length > 0) throw new Error(stale.join('\n\n'))
  return all.filter(({ name }) => values.only?.includes(name) ?? true)
}

function staleOf(mutant) {
  try {
    patched(root, [mutant])
    return []
  } catch (error) {
    return [error.message]
  }
}

/** How many of them were found; what became of each is told as soon as it is known. */
async function found(mutants) {
  const sound = await bundled('sound', [])
  const waiting = [...mutants]
  let count = 0
  const worker = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift())
      if (await isFound(mutant, sound)) count++
  }
  await Promise.all(Array.from({ length: values.jobs }, worker))
  console.log(`\n${count} of ${mutants.length} found`)
  return count
}

async function isFound(mutant, sound) {
  const began = Date.now()
  const last = await hunted(await bundled(mutant.name, [mutant]), 1, values.seeds)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  const verdict = last.broken === null ? null : await blamed(last, sound)
  const seeds = last.broken === null ? 'not found' : `${last.seed} seeds`
  console.log(`\n${mutant.name.padEnd(34)} ${seeds.padStart(10)} ${seconds.padStart(7)} s`)
  console.log(`  planted  ${mutant.what}`)
  if (last.broken !== null) console.log(`  found    ${last.broken} (seed ${last.seed}, ${last.size})`)
  if (last.crashed !== null) console.log(`  crashed  ${last.crashed}`)
  if (verdict !== null) console.log(`  but      ${verdict}`)
  if (values.only !== undefined && last.broken !== null) console.log(last.lines.map((line) => `  ${line}`).join('\n'))
  return last.broken !== null && last.crashed === null && verdict === null
}

/** What the planted bug is not to blame for is no find. */
async function blamed({ seed }, sound) {
  const { broken, crashed } = await hunted(sound, seed, seed)
  return broken === null && crashed === null ? null : `without it the same seed ends in: ${broken ?? crashed}`
}

/** The hunt over the patched source, as one program. */
async function bundled(name, patches) {
  const texts = patched(root, patches)
  const load = (id) => (texts.has(id) ? { code: texts.get(id), moduleType: 'ts' } : null)
  await simulators({ [name]: join(root, 'test/sim/mutants/hunt.ts') }, folder, [{ name: 'planted', load }])
  return join(folder, `${name}.js`)
}

/** What was told of the seed that broke a rule; when none did, of the last one, with the first crash. */
function hunted(file, from, to) {
  return new Promise((resolve) => {
    const child = fork(file, [String(from), String(to)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    const all = []
    const crashes = []
    let said = ''
    const stuck = () => {
      crashes.push(`the world after seed ${all.at(-1)?.seed ?? from - 1} has not ended in ${worldMs / 1000} s`)
      child.kill('SIGKILL')
    }
    let alarm = setTimeout(stuck, worldMs)
    child.stderr.on('data', (text) => (said = `${said}${text}`.slice(-2000)))
    child.on('message', (told) => {
      clearTimeout(alarm)
      alarm = setTimeout(stuck, worldMs)
      all.push(told)
      if (told.crashed !== null) crashes.push(told.crashed)
    })
    child.on('close', (code) => {
      clearTimeout(alarm)
      if (code !== 0) crashes.push(`the simulator ended with ${code}: ${said.trim()}`)
      const last = all.at(-1)
      if (last !== undefined && last.broken !== null && last.crashed === null) resolve(last)
      else resolve({ seed: last?.seed ?? from, broken: null, crashed: crashes[0] ?? null, lines: [] })
    })
  })
}
