/** Settings as options of commands. What is written behind them is taken as it is: it is checked with all other places at once. */
import { type Command, Option } from 'commander'
import { type Place, settings, type Setting } from './config-schema.ts'

const settingOf = new WeakMap<Option, Setting>()

/** Adds the options of these settings; their help comes from the schema. */
export const settingOptions = (command: Command, ...places: readonly Place[]): Command => {
  for (const setting of settings)
    if (places.some((place) => place === setting.place)) command.addOption(optionOf(setting))
  return command
}

const optionOf = (setting: Setting): Option => {
  const { flag, variable, otherwise, text, repeats } = setting
  const places = variable === null ? `else ${otherwise}` : `${variable}; else ${otherwise}`
  const option = new Option(
    flag,
    `${text} (${repeats === true ? 'may be repeated; ' : ''}${places.replaceAll('`', '')})`,
  )
  option.argParser<readonly string[] | undefined>((written, known) =>
    repeats === true ? [...(known ?? []), written] : [written],
  )
  settingOf.set(option, setting)
  return option
}

/** What was written behind the options of this call, by the places of the settings. */
export const writtenFlags = (command: Command): ReadonlyMap<string, readonly string[]> => {
  const written = new Map<string, readonly string[]>()
  for (let at: Command | null = command; at !== null; at = at.parent)
    for (const option of at.options) {
      const setting = settingOf.get(option)
      const texts: unknown = setting === undefined ? undefined : at.getOptionValue(option.attributeName())
      if (setting !== undefined && Array.isArray(texts)) written.set(setting.place, texts as string[])
    }
  return written
}
