/** Words of a POSIX shell: whatever a value holds, the shell takes it as it is. */

/** One word. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** One word, quoted only if it has to be. */
export const word = (text: string): string => (/^[\w./:=@-]+$/.test(text) ? text : quoted(text))
