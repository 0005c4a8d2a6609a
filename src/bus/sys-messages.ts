/** What nodes and their threads tell each other, in the name of nobody. */
import { inspecting, inspectOrder } from '../protocol/inspection.ts'
import { moved } from '../protocol/nodes.ts'
import { publish } from './subject.ts'

export const sysMessages = {
  inspect: publish(inspectOrder, 'To all threads: show what these actors take.'),
  inspecting: publish(inspecting, 'A thread says that it does.'),
  moved: publish(
    moved,
    'To all threads: shards are to be shared out anew, or are free. Each looks at its share at once.',
  ),
}
