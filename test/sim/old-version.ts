/** The store as a node of an older version sees it: every other directive has machines that it does not know. */
import type { Store } from '../../src/actors/ports/store.ts'
import { directiveKeyOf, readKey } from '../../src/protocol/ids.ts'

const laterVersion = '1000'

const isLater = (key: string): boolean => {
  const { id } = readKey(directiveKeyOf(key as `${string}/${string}`))
  return /[02468]$/.test(id)
}

export const oldVersionOf = (store: Store): Store => ({
  ...store,
  actors: async (keys) => {
    const loaded = await store.actors(keys)
    return loaded.map((each) =>
      each.row.kind !== 'registry' && isLater(each.row.key)
        ? { ...each, row: { ...each.row, machineVersion: laterVersion } }
        : each,
    )
  },
})
