/** What each setting is right now, also where nobody has said anything: the servers of a running `writ up`, and the defaults. */
import { locateFolder } from '../embedded/folders.ts'
import { servingOf } from '../embedded/serving.ts'
import type { Settings } from './config.ts'
import { settings } from './config-schema.ts'
import { valueAt } from './config-sources.ts'

export interface SettingInForce {
  setting: string
  /** As it may be shown. Null when it is found out only by what uses it: `otherwise` says how. */
  value: unknown
  origin: string
  unit: string | null
  otherwise: string
}

/** A line for every setting, in the order of the documentation. */
export const inForce = (read: Settings): SettingInForce[] => {
  const found = whereNothingIsSaid(read)
  return settings.map(({ place, unit = null, otherwise, shown = (value: unknown) => value }) => {
    const said = valueAt({ ...read }, place)
    const [value, origin] = said === undefined ? (found[place] ?? [null, 'default']) : [said, 'default']
    return {
      setting: place,
      value: value === null ? null : shown(value),
      origin: read.origins.get(place) ?? origin,
      unit,
      otherwise: otherwise.replaceAll('`', ''),
    }
  })
}

const whereNothingIsSaid = ({
  dataDir,
  env,
  insideTask,
}: Settings): Partial<Record<string, [value: string, origin: string]>> => {
  const folders = locateFolder({ dataDir, env })
  const serving = insideTask === null ? servingOf(folders) : undefined
  const running =
    serving?.pid === null
      ? 'the servers that a killed writ up has left'
      : `the running writ up (process ${serving?.pid})`
  return {
    dataDir: [folders.root, 'default'],
    ...(serving === undefined ? {} : { natsUrl: [serving.nats, running], databaseUrl: [serving.database, running] }),
  }
}
