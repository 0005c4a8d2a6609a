/** What may name a repository, a branch or a commit. Nothing that git would take for an option or a program gets past here. */
import { WritError } from './errors.ts'

export interface Repository {
  /** As git takes it. */
  location: string
  /** On this host's disk: git then runs its other half here, as this user. */
  local: boolean
}

const hasControl = (text: string): boolean => /\p{Cc}/u.test(text)
const host = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?'
const remote = [
  new RegExp(`^https://(?:[^/@\\s-][^/@\\s]*@)?${host}(?::\\d{1,5})?/\\S+$`),
  new RegExp(`^ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?${host}(?::\\d{1,5})?/\\S+$`),
  // git's short form of ssh: user@host:path
  new RegExp(`^[A-Za-z0-9_][A-Za-z0-9_.-]*@${host}:(?!:)[^\\s-]\\S*$`),
]

/** What a repository may be, for people. */
export const repositoryForms = 'https://…, ssh://…, user@host:path, file:///… or an absolute path'

const isLocal = (text: string): boolean => text.startsWith('/') || /^file:\/\/\/[^\s]+$/.test(text)

/** Whether Writ uses a repository of this URL or path. */
export const isRepository = (text: string): boolean =>
  !hasControl(text) && text.length <= 4096 && (isLocal(text) || remote.some((form) => form.test(text)))

/** Checks a repository's URL or path; throws BAD_INPUT. */
export const readRepository = (text: string): Repository => {
  if (isRepository(text)) return { location: text, local: isLocal(text) }
  throw new WritError('BAD_INPUT', `${shown(text)} is not a repository that Writ uses`, { hint: repositoryForms })
}

/** Whether a text is a branch's name by git's rules, with or without `refs/heads/`. */
export const isBranch = (text: string): boolean => {
  const name = shortOf(text)
  const parts = name.split('/')
  return (
    name.length > 0 &&
    name.length <= 255 &&
    !hasControl(name) &&
    !/[ ~^:?*[\\]|\.\.|@\{/.test(name) &&
    name !== '@' &&
    !name.startsWith('-') &&
    !name.endsWith('.') &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  )
}

const shortOf = (text: string): string => text.replace(/^refs\/heads\//, '')

/** Checks a branch's name and returns it without `refs/heads/`; throws BAD_INPUT. */
export const readBranch = (text: string): string => {
  if (isBranch(text)) return shortOf(text)
  throw new WritError('BAD_INPUT', `${shown(text)} is not a branch's name`, { hint: 'see git help check-ref-format' })
}

/** A branch that the daemon may push to: below `writ/`, nothing of the user's. Throws BAD_INPUT. */
export const readOwnBranch = (text: string): string => {
  const name = readBranch(text)
  if (name.startsWith('writ/')) return name
  throw new WritError('BAD_INPUT', `${shown(text)} is not a branch of Writ's`, {
    hint: 'only branches below writ/ are pushed',
  })
}

/** Checks a full commit id; throws BAD_INPUT. */
export const readCommit = (text: string): string => {
  if (/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text)) return text
  throw new WritError('BAD_INPUT', `${shown(text)} is not a commit`, {
    hint: 'a full commit id has 40 or 64 digits 0-9 a-f',
  })
}

/** For people: a text without the credentials of the URLs in it. */
export const withoutCredentials = (text: string): string => text.replaceAll(/(\bhttps:\/\/)[^/@\s]+@/g, '$1…@')

const shown = (text: string): string =>
  withoutCredentials(JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text))
