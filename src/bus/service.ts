/**
 * The NATS service protocol, answered by hand over the Bus port, so that `nats service ls` shows the nodes. Whoever asks
 * `$SRV.PING`, `$SRV.INFO` or `$SRV.STATS`, with or without our name and id behind it, is answered by each node.
 */
import type { Bus, Subscription } from '../actors/ports/bus.ts'
import type { Take } from '../actors/ports/wire.ts'
import { WritError } from '../protocol/errors.ts'
import { isToken } from '../protocol/ids.ts'

export interface Endpoint {
  name: string
  /** May be a pattern. */
  subject: string
  queue: string
  /** What STATS is to say of it besides: called when somebody asks. */
  data?: () => object
}

export interface ServiceDescription {
  name: string
  /** One token, of its own for each node. */
  id: string
  /** As semantic versioning has it. */
  version: string
  description: string
  endpoints: readonly Endpoint[]
}

export interface Service extends Subscription {
  /** Counts a request that an endpoint has answered, and what went wrong with it. */
  count: (endpoint: string, tookMs: number, error?: string) => void
}

interface Figures {
  requests: number
  errors: number
  lastError: string
  tookMs: number
}

/** What every thread of ours is called. */
export const serviceName = 'writ'

const semantic = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
const nanoseconds = (ms: number): number => Math.round(ms * 1e6)

const check = ({ name, id, version }: ServiceDescription): void => {
  if (isToken(name) && isToken(id) && semantic.test(version)) return
  throw new WritError('BAD_INPUT', `no service can be called ${JSON.stringify({ name, id, version })}`, {
    hint: 'name and id are one token each, the version is like 1.2.3',
  })
}

const infoOf = ({ description, endpoints }: ServiceDescription): object => ({
  description,
  endpoints: endpoints.map(({ name, subject, queue }) => ({ name, subject, queue_group: queue, metadata: {} })),
})

const statsOf = (endpoints: readonly Endpoint[], started: string, figures: ReadonlyMap<string, Figures>): object => ({
  started,
  endpoints: endpoints.map(({ name, subject, queue, data }) => {
    const { requests, errors, lastError, tookMs } = figures.get(name) ?? nothingYet()
    return {
      name,
      subject,
      queue_group: queue,
      num_requests: requests,
      num_errors: errors,
      last_error: lastError,
      processing_time: nanoseconds(tookMs),
      average_processing_time: requests === 0 ? 0 : nanoseconds(tookMs / requests),
      ...(data === undefined ? {} : { data: data() }),
    }
  }),
})

const nothingYet = (): Figures => ({ requests: 0, errors: 0, lastError: '', tookMs: 0 })

/** Tells of every request how long its answer took, in ms, and of a refusal what it said. */
export const timed =
  (take: Take, told: (tookMs: number, error?: string) => void): Take =>
  (asked) => {
    const began = performance.now()
    take({
      ...asked,
      reply: (body) => {
        told(performance.now() - began)
        asked.reply(body)
      },
      fail: (error) => {
        told(performance.now() - began, error instanceof WritError ? `${error.code}: ${error.message}` : 'INTERNAL')
        asked.fail(error)
      },
    })
  }

/** Where all of them are asked for their figures. */
export const statsSubject = `$SRV.STATS.${serviceName}`

/** Answers for one node until it is drained. Throws BAD_INPUT for a name, id or version that the protocol does not take. */
export const serviceOf = (bus: Bus, service: ServiceDescription): Service => {
  check(service)
  const started = new Date().toISOString()
  const figures = new Map(service.endpoints.map((endpoint) => [endpoint.name, nothingYet()]))
  const { name, id, version } = service
  const answers: Record<string, () => object> = {
    PING: () => ({}),
    INFO: () => infoOf(service),
    STATS: () => statsOf(service.endpoints, started, figures),
  }
  const subscriptions = Object.entries(answers).flatMap(([verb, more]) => {
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`
    const subjects = [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`]
    return subjects.map((subject) =>
      bus.subscribe(subject, {}, ({ reply }) => reply({ type, name, id, version, metadata: {}, ...more() })),
    )
  })
  return {
    drain: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.drain()))
    },
    count: (endpoint, tookMs, error) => {
      const figure = figures.get(endpoint)
      if (figure === undefined) return
      figure.requests++
      figure.tookMs += tookMs
      if (error === undefined) return
      figure.errors++
      figure.lastError = error
    },
  }
}
