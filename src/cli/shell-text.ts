/** Lines for a POSIX shell to evaluate: whatever a value holds, the shell takes it as it is. */

/** One word. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** One word, quoted only if it has to be. */
export const word = (text: string): string => (/^[\w./:=@-]+$/.test(text) ? text : quoted(text))

/** One line each, to be evaluated (`eval "$(…)"`) or sourced. */
export const exported = (variables: Readonly<Record<string, string>>): string[] =>
  Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`)
