/** What of an object was said. */
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the fields that were left out: an option that is undefined is not the same as none. */
export const present = <T extends object>(all: T): Present<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Present<T>
