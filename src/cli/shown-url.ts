/** URLs as they may be shown: whom they let in stays, with what does not. */

const login = /([a-z]*:)?\/\/([^/@:\s]*)(:[^/\s]*)?@/gi
/** A NATS URL may hold a token, which stands where a name would. */
const tokenSchemes = new Set(['nats:', 'tls:', 'ws:', 'wss:'])

/** Without passwords, before the host and in a query, and without tokens. */
export const shown = (url: string): string =>
  url
    .replaceAll(login, (_all, scheme: string | undefined, user: string, password: string | undefined) => {
      const isToken = password === undefined && tokenSchemes.has(scheme ?? '')
      return `${scheme ?? ''}//${isToken ? '…' : user}@`
    })
    .replaceAll(/([?&][a-z]*password=)[^&]*/gi, '$1…')
