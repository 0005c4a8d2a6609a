/** Between whom order outlives parking. */
import { registryId } from '../protocol/ids.ts'

const ofRegistry = `/${registryId}`

export const isFromRegistry = (from: string): boolean => from.endsWith(ofRegistry)

/**
 * Whether what is told later waits while a message from the same to the same is parked (DESIGN 13, 5): between two actors, for
 * they count what they hear. What directives and registries tell each other is said anew, and daemons' reports name their attempt.
 */
export const isInOrder = (from: string, to: string): boolean =>
  from.includes('/') && !isFromRegistry(from) && !to.endsWith(ofRegistry)
