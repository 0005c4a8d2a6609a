/** The documentation of the settings, made of their schema. */
import { settings } from '../../src/cli/config-schema.ts'

const code = (text: string): string => `\`${text}\``

/** docs/configuration.md, whole. */
export const configuration = (): string => {
  const rows = settings.map(({ place, flag, variable, otherwise, unit, repeats, text }) => {
    const flags = `${code(flag)}${repeats === true ? ', repeated' : ''}`
    const fallback = `${otherwise}${unit === undefined ? '' : ` ${unit}`}`
    return `| ${code(place)} | ${flags} | ${variable === null ? '' : code(variable)} | ${fallback} | ${text} |`
  })
  return `${head}${rows.join('\n')}\n${foot}`
}

const head = `<!-- Made from src/cli/config-schema.ts: WRITE_DOCS=1 npx vitest run test/cli/config.test.ts -->

# Configuration

Each setting has the value of the first place that says something:

1. a flag,
2. a variable of the environment (one that is set to nothing counts as not set),
3. the project's file: the nearest \`writ.yaml\`, \`writ.yml\` or \`writ.json\`, in the working directory or above it,
4. the user's file: \`config.yaml\`, \`config.yml\` or \`config.json\` in \`$XDG_CONFIG_HOME/writ\`, else in \`~/.config/writ\`,
5. for the two servers: those of the \`writ up\` that runs on the data folder,
6. the default.

\`writ config show --origin\` prints what is in force and who said so, without passwords.

| setting | flag | variable | else | meaning |
|---|---|---|---|---|
`

const foot = `
In a variable the parts of a list are separated by commas: \`WRIT_DAEMON_LABELS=gpu=yes,zone=a\`.

## Files

YAML or JSON, under the names of the first column; a dot is a level:

\`\`\`yaml
owner: team
natsUrl: nats://nats.example.com:4222
daemon:
  slots: 4
  roles: [worker, evaluator]
  labels:
    gpu: "yes"
  executors:
    agent: my-agent --quiet
\`\`\`

Paths start from the file's folder. Lists and labels of one place are not mixed with those of another: the first place that has any
has all. Whatever is wrong, in all files and variables, is told at once, with line and column, and nothing is done then; a
name that is no setting is refused, with the one that is most like it.

A project's file decides which servers are trusted and which programs a daemon runs, as a Makefile does: do not start a daemon in a
folder that you do not trust. One that belongs to somebody else than you, root or the owner of the working directory is refused.
Inside a task no file is read.
`
