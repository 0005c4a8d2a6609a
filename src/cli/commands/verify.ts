/** `writ verify`: whether what is stored agrees with itself. */
import { Option } from 'commander'
import { settingOptions } from '../config-options.ts'
import { examples, type Declare } from '../program.ts'
import type { VerifyFlags } from '../verify.ts'

export const verify: Declare = (command, context) => {
  settingOptions(command, 'databaseUrl')
    .addOption(new Option('--directive <id>', 'look at this one alone').conflicts('quick'))
    .option('--quick', 'read no journals: only what statements can find out')
    .action(async (flags: VerifyFlags) => (await import('../verify.ts')).verifyStored(context(), flags))
  examples(command, ['writ verify', 'writ verify --directive hello', 'writ verify --quick --json'])
}
