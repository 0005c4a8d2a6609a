/**
 * The order of the suites: those that take longest first, so that both workers end together. vitest itself knows that only where it has
 * run before; elsewhere it goes by the size of files, and a small file may start a whole node.
 */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Suites of more than fifteen seconds or so, the longest first. One that is missing here only comes later than it might. */
const long = [
  ...['e2e/help-examples', 'e2e/signals', 'e2e/embedded', 'input/servers', 'e2e/closed-output', 'e2e/daemon'],
  ...[
    'daemon/hostile',
    'input/daemons',
    'e2e/threads',
    'e2e/deadly-messages',
    'sim/simulation',
    'contract/postgres-faults',
    'e2e/ephemeral',
  ],
  ...[
    'e2e/inside-task',
    'daemon/poison',
    'e2e/examples',
    'chaos/kill',
    'e2e/nodes',
    'e2e/join',
    'engine/limits',
    'e2e/down',
  ],
  ...['e2e/outsiders', 'engine/holders', 'e2e/home', 'engine/large', 'e2e/keep-up', 'machines/every-name.walk'],
  ...['e2e/secure', 'engine/parked', 'daemon/continuing', 'bus/asyncapi', 'daemon/attempts', 'engine/daemons'],
  ...[
    'e2e/many',
    'machines/machines.walk',
    'daemon/workspaces',
    'daemon/remotes',
    'fuzz/fuzz',
    'e2e/python',
    'e2e/sdk',
  ],
].map((name) => `test/${name}.test.ts`)

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number => {
      const at = long.indexOf(relative(this.ctx.config.root, moduleId))
      // One worker takes suites that may run together as long as they follow each other.
      return at === -1 ? long.length + (project.config.isolate ? 0 : 1) : at
    }
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b))
  }
}
