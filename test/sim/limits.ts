/** The limits as the simulated world has them: fewer shards, so that directives share them, and threads have less to subscribe for. */
export * from '../../src/protocol/limits.ts'

export const shardCount = 16
