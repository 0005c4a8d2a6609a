/** House rules that no linter knows: they hold for every source file, and each failure names the files. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { version } from '../src/protocol/version.ts'

const linesMax = 300
const vague = /(^|-)(utils?|helpers?|common|misc|managers?)(-|\.|$)/
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|long|walk|bench|contract|config))*\.(ts|mjs)$/

const source = sources('src')
const everything = new Map(
  ['src', 'test', 'bench'].filter((folder) => existsSync(folder)).flatMap((folder) => [...sources(folder)]),
)

function sources(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
  const names = files.map((entry) => join(entry.parentPath, entry.name))
  return new Map(names.sort().map((name) => [name, readFileSync(name, 'utf8')]))
}

/** `file:line` of every line of `files` that matches. */
function places(files: Iterable<[string, string]>, pattern: RegExp, allowed: RegExp = /^$/): string[] {
  const rest = [...files].filter(([file]) => !allowed.test(file))
  return rest.flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  )
}

function importsOf([file, text]: [string, string]): string[] {
  const specifiers = [...text.matchAll(/(?:from|import|import\(|new URL\() ?'(\.[^']+)'/g)]
  return specifiers.map(([, specifier = '']) => normalize(join(dirname(file), specifier)))
}

test('subjects are declared in src/bus/subjects.ts alone', () => {
  expect(places(source, /['"`]writ\.v1/, /^src\/bus\/subjects?\.ts$/)).toEqual([])
})

test('settings are read from the environment at the edges alone', () => {
  const edges = /^src\/(cli\/(main|config[^/]*)\.ts|daemon\/.*|embedded\/.*)$/
  expect(places(source, /\bprocess\.env\b/, edges)).toEqual([])
})

test('machines and actors have no clock and no dice of their own', () => {
  const inside = [...source].filter(([file]) => /^src\/(machines|actors)\//.test(file))
  expect(places(inside, /\bDate\.now\(|\bMath\.random\(|\brandomUUID\(/, /^src\/actors\/thread[^/]*\.ts$/)).toEqual([])
})

test('nothing is marked as unfinished, and no type is forced', () => {
  const others = [...everything].filter(([file]) => file !== 'test/tidy.test.ts')
  expect(places(others, /\b(TODO|FIXME|XXX)\b/)).toEqual([])
  expect(places(others, /\bas unknown as\b|@ts-(ignore|expect-error|nocheck)/)).toEqual([])
})

test(`no source file has more than ${linesMax} lines`, () => {
  const long = [...source].filter(([, text]) => text.trimEnd().split('\n').length > linesMax)
  expect(long.map(([file]) => file)).toEqual([])
})

test('every source file is imported by another one, or is an entry', () => {
  const entries = ['src/index.ts', 'src/cli/main.ts']
  const imported = new Set([...source].flatMap(importsOf))
  expect([...source.keys()].filter((file) => !imported.has(file) && !entries.includes(file))).toEqual([])
})

test('every source file opens by saying what it is', () => {
  const mute = [...source].filter(([, text]) => !/^(#!.*\n)?\/\*\*/.test(text))
  expect(mute.map(([file]) => file)).toEqual([])
})

test('file names are kebab-case and say something', () => {
  const names = [...everything.keys()]
  expect(names.filter((file) => !kebab.test(basename(file)))).toEqual([])
  expect(names.filter((file) => vague.test(basename(file)))).toEqual([])
})

test('the version is the one of the package', () => {
  const { version: packaged } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(version).toBe(packaged)
})
