/** Who Writ is in a repository's history. */

/** Author and committer of what a task left uncommitted. */
export const writIdentity = {
  GIT_AUTHOR_NAME: 'Writ',
  GIT_AUTHOR_EMAIL: 'writ@localhost',
  GIT_COMMITTER_NAME: 'Writ',
  GIT_COMMITTER_EMAIL: 'writ@localhost',
}
