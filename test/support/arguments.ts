/** What the commands for whoever works on Writ have in common on their command lines (`npm run sim`, `sim:mutants`, `chaos`). */
import { Command, InvalidArgumentError } from 'commander'

/** No result of a run ends with it. */
const wrongExit = 2

/** Ends the process with words for people when its arguments are wrong, and after `--help`. */
export const command = (name: string, description: string): Command =>
  new Command(`npm run ${name} --`)
    .description(description)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : wrongExit))

export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`)
  }
