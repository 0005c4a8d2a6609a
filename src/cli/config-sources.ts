/** The places that say something about settings, each as an object like that of a file, with all that is wrong in it. */
import { dirname, resolve } from 'node:path'
import { closestMatch } from 'leven'
import type { Environment } from './config.ts'
import { configSchema, settings, type Setting } from './config-schema.ts'
import { faultsIn, readLocated, type Fault } from './located-text.ts'
import { readSettledText } from './text-file.ts'

export interface Source {
  value: Record<string, unknown>
  /** Names the source of one setting, as `--owner`, `WRIT_OWNER` or `writ.yaml:3:1`. */
  origin: (place: string) => string
  faults: readonly string[]
}

type Path = readonly PropertyKey[]

/** What was written behind flags, by the places of the settings. */
export const flagSource = (flags: ReadonlyMap<string, readonly string[]>): Source =>
  writtenSource(
    ({ place }) => flags.get(place),
    ({ flag }) => flag.split(' ')[0] ?? flag,
  )

/** A variable that is set to nothing counts as not set; commas separate the parts of a list. */
export const environmentSource = (env: Environment): Source =>
  writtenSource(
    ({ variable, repeats }) => {
      const text = variable === null ? undefined : env[variable]
      if (text === undefined || text === '') return undefined
      return repeats === true ? text.split(',') : [text]
    },
    ({ variable }) => variable ?? '',
  )

const writtenSource = (
  textsOf: (setting: Setting) => readonly string[] | undefined,
  nameOf: (setting: Setting) => string,
): Source => {
  const value: Record<string, unknown> = {}
  for (const setting of settings) {
    const texts = textsOf(setting)
    if (texts !== undefined) put(value, setting.place, setting.read(texts))
  }
  const named = (path: Path): string => {
    const setting = settings.find(({ place }) => path.join('.') === place || path.join('.').startsWith(`${place}.`))
    return setting === undefined ? path.join('.') : nameOf(setting)
  }
  const faults = faultsOf(value).map(({ path, message }) => `${named(path)}: ${message}`)
  return { value, origin: (place) => named(place.split('.')), faults }
}

/** A configuration file. Throws BAD_INPUT when it cannot be read at all. */
export const fileSource = (file: string): Source => {
  const located = readLocated(file, readSettledText(file))
  const nothing = { value: {}, origin: () => file }
  if ('faults' in located) return { ...nothing, faults: located.faults }
  // One that holds nothing but comments says nothing.
  const { value = {}, at } = { ...located, value: located.value ?? undefined }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ...nothing, faults: [`${file}: it is not an object of settings`] }
  const read = value as Record<string, unknown>
  const faults = faultsOf(read).map(({ path, text }) => `${at(path)}: ${text}`)
  for (const { place, path } of settings) {
    const given = valueAt(read, place)
    if (path === true && typeof given === 'string' && faults.length === 0)
      put(read, place, resolve(dirname(file), given))
  }
  return { value: read, origin: (place) => at(place.split('.')), faults }
}

const faultsOf = (value: object): Fault[] => {
  const checked = configSchema.safeParse(value)
  return checked.success ? [] : faultsIn(checked.error, { whole: 'the settings', unknown: unknownKey })
}

/** Most likely a setting of the same group is meant, written a little otherwise; else one of another group. */
const unknownKey = (path: Path): string => {
  const [key = '', group] = path.map(String).toReversed()
  const places = settings.map(({ place }) => place)
  const keyOf = (place: string): string => place.slice(place.lastIndexOf('.') + 1)
  const beside = places.filter((place) => place.slice(0, -keyOf(place).length - 1) === (group ?? ''))
  const near = closestMatch(key, [...beside.map(keyOf), ...(group === undefined ? ['retention', 'daemon'] : [])], {
    maxDistance: 3,
  })
  const meant =
    near === undefined ? places.find((place) => keyOf(place) === key) : group === undefined ? near : `${group}.${near}`
  return `there is no such setting; ${meant === undefined ? '`writ config show` lists them' : `did you mean ${meant}?`}`
}

/** What stands at a place; undefined for nothing. */
export const valueAt = (value: Record<string, unknown>, place: string): unknown => {
  const [first = '', second] = place.split('.')
  const outer = value[first]
  if (second === undefined) return outer
  return typeof outer === 'object' && outer !== null ? (outer as Record<string, unknown>)[second] : undefined
}

export const put = (into: Record<string, unknown>, place: string, value: unknown): void => {
  const [first = '', second] = place.split('.')
  into[first] = second === undefined ? value : { ...(into[first] as object | undefined), [second]: value }
}
