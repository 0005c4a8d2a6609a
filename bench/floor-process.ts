/**
 * The floor, written by hand: a report comes in over NATS, one SQL statement writes as many rows as a hop of Writ does, and
 * the next spawn goes out. No machine, no fence, no history: nothing that does the job can be faster on these servers.
 */
import postgres from 'postgres'
import { connect } from '../src/bus/nats-bus.ts'
import type { Bus } from '../src/actors/ports/bus.ts'
import { serve } from './child.ts'

let sql: postgres.Sql
let bus: Bus
/** About as much as a row of Writ's carries. */
const body = 'x'.repeat(200)

serve({
  start: async ({ databaseUrl, natsUrl }: { databaseUrl: string; natsUrl: string }) => {
    sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined })
    bus = await connect({ url: natsUrl, name: 'bench floor' })
    await sql`create table if not exists public.bench_floor (id bigint generated always as identity primary key, body text)`
  },
  listen: (rows: number) => {
    bus.subscribe('bench.report', {}, (message) => {
      void sql`insert into public.bench_floor (body) select ${body} from generate_series(1, ${rows}::int)`.then(() => {
        message.reply({ received: true })
        bus.publish('bench.spawn', { body })
      })
    })
    return bus.flush()
  },
  stop: async () => {
    await bus.close()
    await sql.end()
  },
})
