/** An event as it comes from the wire. */
import { type EventLine, eventLine } from '../protocol/commands.ts'
import { decode } from './json.ts'

/** Null: it is none. What is not an event is no more than a reason to look. */
export const readEventLine = (body: Uint8Array): EventLine | null => {
  try {
    return eventLine.parse(decode(body))
  } catch {
    return null
  }
}
