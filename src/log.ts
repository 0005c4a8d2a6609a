/** The log of what runs inside a node: pino's JSON lines, handed to whoever writes them. Never a transport thread of its own, which would lose lines at the end. */
import { pino, stdSerializers, stdTimeFunctions } from 'pino'
import { withoutSecrets } from './protocol/redaction.ts'

type Say = (fields: object, text: string) => void

export interface Log {
  debug: Say
  info: Say
  warn: Say
  error: Say
}

/** `bound` is in every line: the node, the thread, the daemon. `write` takes one line at a time, without its end. */
export const openLog = (write: (line: string) => void, bound: Record<string, string>): Log =>
  pino(
    {
      base: bound,
      level: 'info',
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (level) => ({ level }),
        log: (fields) => withoutSecrets(fields) as Record<string, unknown>,
      },
      // As plain objects, which a serializer's are not.
      serializers: {
        err: (error: Error) => withoutSecrets(JSON.parse(JSON.stringify(stdSerializers.errWithCause(error)))),
      },
      hooks: {
        logMethod(args, method) {
          method.apply(
            this,
            args.map((part: unknown) => (typeof part === 'string' ? withoutSecrets(part) : part)) as typeof args,
          )
        },
      },
    },
    { write: (line: string) => write(line.trimEnd()) },
  )
