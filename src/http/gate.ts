/**
 * Who may connect. Being on this machine is not enough: a page of any website can reach a port of the browser's own machine. So the
 * address that was asked for, the page that asks and a token must all be right.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

export interface Gate {
  /** Where the server listens, as it was asked to. */
  host: string
  /** Tokens are made of it, one for each owner. */
  secret: string
  /** Pages of other origins that may connect. */
  origins: readonly string[]
}

/** What an owner's clients show. Known to whoever may read the data folder, and to whom they give it. */
export const tokenOf = (secret: string, owner: string): string =>
  createHmac('sha256', secret).update(`writ inspect ${owner}`).digest('hex')

/** Null: come in. */
export type Refusal = { status: 401 | 403; text: string } | null

/** Whether this request may speak for the owner. */
export const refusalOf = (gate: Gate, { headers }: IncomingMessage, owner: string, token: string | null): Refusal => {
  const { host = '', origin, authorization } = headers
  if (!isOurs(gate, host))
    return {
      status: 403,
      text: `this server is not called ${host.slice(0, 200)}; use the address that writ inspect --url prints`,
    }
  if (origin !== undefined && !mayAsk(gate, origin, host))
    return { status: 403, text: `pages of ${origin.slice(0, 200)} may not connect; writ up --http-origin lets them` }
  const given = token ?? /^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? ''
  if (!equal(given, tokenOf(gate.secret, owner)))
    return {
      status: 401,
      text: `the token is not that of the owner ${owner}; writ inspect --url prints an address with it`,
    }
  return null
}

/** An address is as good as a name of ours: only names can be made to lead here by others. */
const isOurs = ({ host: own }: Gate, host: string): boolean => {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return isIP(name) !== 0 || name === 'localhost' || name === own.toLowerCase()
}

const mayAsk = ({ origins }: Gate, origin: string, host: string): boolean =>
  origins.includes(origin) || origin === `http://${host}` || origin === `https://${host}`

const equal = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
