/** Messages that are to be taken before what is told later between the same two, by the pair (`pairOf`), with their ids. */
export type Waiting = Map<string, Set<number>>

export const waited = (waiting: Waiting, pair: string, id: number): void => {
  waiting.set(pair, (waiting.get(pair) ?? new Set()).add(id))
}

export const noLongerWaited = (waiting: Waiting, pair: string, id: number): void => {
  const ids = waiting.get(pair)
  ids?.delete(id)
  if (ids?.size === 0) waiting.delete(pair)
}
