/** The node under test: threads of the built Writ, in a process of its own. */
import { type RunningNode, startNode } from '../src/node.ts'
import { serve } from './child.ts'

let node: RunningNode | null = null

serve({
  start: async ({ databaseUrl, natsUrl, threads }: { databaseUrl: string; natsUrl: string; threads: number }) => {
    const log = (line: string): void => void process.stderr.write(`${line}\n`)
    node = await startNode({ databaseUrl, nats: { url: natsUrl }, name: 'bench', threads, log })
  },
  stop: () => node?.stop(),
})
