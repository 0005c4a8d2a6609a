// Stands for `writ up`: locks a data folder, starts both servers, tells about them in one line and waits to be ended.
// Arguments: the folder of the built src, the data folder, and the name of the only package folder to take Postgres from.
import { pathToFileURL } from 'node:url'

const [, , built, dataDir, packageFolder] = process.argv
const load = (name) => import(new URL(`embedded/${name}.js`, pathToFileURL(`${built}/`)).href)
const [{ dataFolder }, { lockFolder }, { startPostgres }, { startNats }, { writeEndpoints, removeEndpoints }] =
  await Promise.all(['folders', 'lock', 'postgres', 'nats', 'endpoints'].map(load))

const folders = dataFolder({ dataDir, env: {} })
const lock = lockFolder(folders.root)
const common = { folders, log: (line) => console.error(line), port: 0, durable: false }
const postgres = await startPostgres({ ...common, packageFolder: packageFolder || undefined })
const nats = await startNats({ ...common, users: [{ user: 'writ', password: 'secret' }] })
const wroteFor = writeEndpoints(folders, {
  version: '0.0.0',
  data: folders.root,
  database: postgres.url,
  nats: nats.url,
})
process.on('SIGTERM', async () => {
  await Promise.all([nats.stop(), postgres.stop()])
  removeEndpoints(folders, wroteFor)
  lock.release()
  process.exit(0)
})
console.log(JSON.stringify({ postgres, nats }))
setInterval(() => undefined, 60_000)
