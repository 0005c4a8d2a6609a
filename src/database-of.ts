/** Composes what a person does to a database as a whole, or asks of it: the command meets src/persistence here. */
import { migrate } from './persistence/migrate.ts'
import { checkIsWrits, takeForRestored } from './persistence/restored.ts'

/**
 * Brings a database that was restored to this build's schema, and takes it for restored. Throws as `migrate` does, and REFUSED where
 * nothing of Writ is: that is another database than the one that was meant.
 */
export const databaseRestored = async (url: string): Promise<{ incarnation: string }> => {
  await checkIsWrits(url)
  await migrate({ url, log: () => undefined })
  return { incarnation: await takeForRestored(url) }
}

export { askPostgres } from './persistence/postgres-version.ts'
