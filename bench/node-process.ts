/** The node under test: threads of the built Writ, in a process of its own. */
import { type NodeOptions, type RunningNode, startNode } from '../src/node.ts'
import { serve } from './child.ts'

type Setup = Pick<NodeOptions, 'databaseUrl' | 'threads' | 'leaseMs' | 'http'> & { natsUrl: string }

let node: RunningNode | null = null

serve({
  start: async ({ natsUrl, ...more }: Setup) => {
    const log = (line: string): void => void process.stderr.write(`${line}\n`)
    node = await startNode({ ...more, nats: { url: natsUrl }, name: 'bench', log })
  },
  http: () => node?.http,
  stop: () => node?.stop(),
})
