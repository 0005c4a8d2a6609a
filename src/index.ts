/**
 * The public API: a client, what a daemon is made of, a node, and the machines as data. Everything else may change at any
 * time; programs in other languages speak the subjects.
 */
export { connect } from './bus/nats-bus.ts'
export { WritClient } from './bus/client.ts'
export { prefix, readAddress, subjects } from './bus/subjects.ts'
export { type Daemon, type DaemonOptions, runDaemon } from './daemon/daemon.ts'
export { type NodeOptions, type RunningNode, startNode } from './node.ts'
export { directive } from './machines/directive.ts'
export { step } from './machines/step.ts'
export { registry } from './machines/registry.ts'
export { parsePlan } from './machines/plan.ts'
export { readVerdict } from './machines/verdict.ts'
export { type Definition, directiveInput, type DirectiveInput } from './protocol/directive.ts'
export { type Code, codes, type ErrorBody, WritError } from './protocol/errors.ts'
export { addressOf, shardOf } from './protocol/ids.ts'
export type { Plan, PlanStep } from './protocol/plan.ts'
export type { Beat, BeatReply, Hello, HelloReply, Order, Receipt, Report, Spawn, SpawnReply } from './protocol/task.ts'
export type { Verdict } from './protocol/verdict.ts'
export type * from './protocol/views.ts'
