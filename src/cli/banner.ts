/** What `writ up` says once everything runs: what, which version, whose, where; and what to do now. */
import type { Server } from '../embedded/server.ts'
import { shown } from './shown-url.ts'
import type { Colors } from './terminal.ts'
import type { Running } from './up.ts'
import { version } from '../protocol/version.ts'

/** The lines. Passwords are not in them. */
export const banner = (
  { node, data, postgres, natsServer, database, nats, websocket, http, daemon }: Running,
  { ephemeral, joined = false, flags, paint }: { ephemeral: boolean; joined?: boolean; flags: string; paint: Colors },
): string[] => {
  const kept = ephemeral ? 'removed at the end: --ephemeral' : `kept; writ down --wipe${flags} removes it`
  const rows: [string, string][] = [
    ['Postgres', server(postgres, database, joined)],
    ['NATS', server(natsServer, nats, joined)],
    ...(websocket === null ? [] : [['WebSocket', websocket] satisfies [string, string]]),
    ['Node', node],
    ...(http === null
      ? []
      : [['Inspector', `${http}/inspect  (writ inspect --url${flags})`] satisfies [string, string]]),
    ['Daemon', daemon ?? 'none: writ daemon run, or writ up --daemon'],
    ['Data', `${data}  (${kept})`],
    ['Try', `npx writ run examples/hello/directive.yaml${flags}`],
  ]
  return [
    `${paint.bold(`writ ${version}`)}`,
    ...rows.map(([name, value]) => `  ${paint.dim(name.padEnd(9))} ${value}`),
    '  Ctrl-C to stop.',
  ]
}

const server = (own: Server | null, url: string, joined: boolean): string => {
  if (own === null) return `${shown(url)}  (${joined ? 'joined' : 'yours'})`
  const { version: serverVersion, source, adopted, startedInMs } = own
  const how = adopted ? 'was running, taken over' : `started in ${(startedInMs / 1000).toFixed(1)} s`
  return `${serverVersion} (${source})  ${shown(url)}  ${how}`
}
