/** By what states tell apart of what steps and their directive tell each other of passing. */
import type { DirectiveContext } from './directive-context.ts'
import type { Live } from './live.ts'
import { has, option, type Split } from './split.ts'

const directiveOf = ({ snapshot }: Live): DirectiveContext => snapshot.context as DirectiveContext
const hash = '0'.repeat(64)
const commit = '0'.repeat(40)

export const byMerged = (live: Live): Split => {
  const { line } = directiveOf(live)
  const next = { base: line ?? commit, line: hash.slice(0, 39).concat('1') }
  const elsewhere = { ...next, base: hash.slice(0, 39).concat('2') }
  const own = line === null ? [] : [option('line', 'merged into the line as it is', { merged: next })]
  return {
    options: [
      option('none', 'without a merge', { merged: null }),
      ...own,
      option('elsewhere', 'merged into another line', { merged: elsewhere, answers: true }),
      option('silent', 'merged into another line, of an earlier version', { merged: elsewhere }),
    ],
    of: ({ merged, answers }) => {
      if (!has(merged, 'base')) return 'none'
      if ((merged as { base: string }).base === line) return 'line'
      return answers === true ? 'elsewhere' : 'silent'
    },
  }
}

export const byFailed = (live: Live): Split => {
  const { failed } = directiveOf(live)
  const known = failed[0] === undefined ? [] : [option('known', 'of a step that had failed', { index: failed[0] })]
  const index = Math.max(-1, ...failed) + 1
  return {
    options: [...known, option('new', 'of a step that had not failed', { index })],
    of: (message) => (failed.includes(message['index'] as number) ? 'known' : 'new'),
  }
}

/** Those of earlier versions did not say why, and were taken for answers. */
export const byLeaving: Split = {
  options: [
    option('sent', 'since it was sent back', { sentBack: true }),
    option('own', 'of itself', { sentBack: false }),
    option('before', 'as it has said before, and was sent back', { sentBack: true, before: true }),
  ],
  of: ({ sentBack, before }) => (sentBack === false ? 'own' : before === true ? 'before' : 'sent'),
}

export const byCounted: Split = {
  options: [
    option('counted', 'by a directive that has counted its pass', { counted: true }),
    option('plain', 'by one of an earlier version, which has not'),
  ],
  of: ({ counted }) => (counted === true ? 'counted' : 'plain'),
}
