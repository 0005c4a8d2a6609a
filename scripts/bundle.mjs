/**
 * The programs of `dist`, made from `src`: each module of ours stays a file of its own under its own name, and every package that it
 * uses becomes one file in `dist/vendor`. Read as published they are hundreds of files, and that was half of what a start of `writ` took.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const entries = ['cli/main', 'index', 'thread']
/** Stay packages: what `index.ts` exports is for the XState of whoever imports it; the others load files, some of them native, by name. */
const outside = ['xstate', '@xstate/store', 'msgpackr', 'pino']

const packageFolder = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/

/** Writes the programs of the sources in `from` into `folder`, which is to be moved to `place`. Throws what does not hold together. */
export async function bundled(from, folder, place) {
  // Only now: before the install there is none.
  const { rolldown } = await import('rolldown')
  const input = Object.fromEntries(entries.map((name) => [name, join(from, `${name}.ts`)]))
  const external = (id) => outside.some((name) => id === name || id.startsWith(`${name}/`))
  const bundle = await rolldown({
    input,
    external,
    platform: 'node',
    transform: { target: 'node20' },
    preserveEntrySignatures: 'allow-extension',
    checks: { pluginTimings: false },
    onwarn: refuse,
  })
  const { output } = await bundle.write({
    dir: folder,
    format: 'esm',
    sourcemap: true,
    sourcemapPathTransform: (source, map) =>
      relative(dirname(join(place, relative(folder, map))), resolve(dirname(map), source)),
    chunkFileNames: ({ isDynamicEntry, name }) => (isDynamicEntry ? `vendor/later-${name}.js` : `${name}.js`),
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'modules', name: (id) => fileOf(from, id) }],
    },
    minifyInternalExports: false,
  })
  await bundle.close()
  tellLicences(
    output.flatMap(({ moduleIds = [] }) => moduleIds),
    join(folder, 'vendor'),
  )
}

/** What their licences ask of whoever passes them on: each package that is in here, with its licence. */
function tellLicences(modules, vendor) {
  const folders = new Set(modules.flatMap((id) => packageFolder.exec(id)?.[0] ?? []))
  const texts = [...folders]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const files = readdirSync(folder).filter((file) => /^(?:un)?licen[cs]e|^copying|^notice/i.test(file))
      const said = files.map((file) => readFileSync(join(folder, file), 'utf8').trim())
      return [`${name} ${version} (${license})`, ...said].join('\n\n')
    })
  mkdirSync(vendor, { recursive: true })
  writeFileSync(join(vendor, 'LICENSES.txt'), `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
}

/** The file of a module, without its ending; null for entries, which have theirs. */
function fileOf(from, id) {
  const name = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1]
  if (name !== undefined) return `vendor/${name.replace(/^@/, '').replaceAll(/[\\/]/g, '-')}`
  const own = relative(from, id).replace(/\.ts$/, '')
  return own.startsWith('..') || id.startsWith('\0') || entries.includes(own) ? null : own
}

function refuse(warning) {
  throw new Error(warning.message)
}
