/** `writ database …`: the database as a whole. */
import { settingOptions } from '../config-options.ts'
import { examples, type Declare } from '../program.ts'

export const database: Declare = (command, context) => {
  examples(
    settingOptions(
      command
        .command('restored')
        .description(
          'Say that the database was restored from an earlier copy: nobody goes on with what they remember of it',
        ),
      'databaseUrl',
    ).action(async () => (await import('../database.ts')).restored(context())),
    ['writ database restored'],
  )
}
