/**
 * The public API: a client, daemons, a node, and the machines as data. Everything else may change at any time; programs in
 * other languages speak the subjects. What is thrown is a WritError, whose `code` says what it means (see `codes`).
 */
export { connect } from './bus/nats-bus.ts'
export type { ConnectOptions } from './bus/connection.ts'
export { type AnswerTo, type ClientOptions, type Methods, WritClient } from './bus/client.ts'
export { prefix, readAddress, subjects } from './bus/subjects.ts'
export { type Daemon, type DaemonOptions, runDaemon } from './daemon/daemon.ts'
export type { Handler, TaskContext, TaskFailure, TaskResult } from './daemon/handled-attempt.ts'
export { handleTasks, type HandleTasksOptions } from './daemon/task-handler.ts'
export { type NodeOptions, type RunningNode, startNode } from './node.ts'
export { directive } from './machines/directive.ts'
export { step } from './machines/step.ts'
export { registry } from './machines/registry.ts'
export { parsePlan } from './machines/plan.ts'
export { readVerdict } from './machines/verdict.ts'
export type { Brief, FilePart, Named } from './protocol/answers.ts'
export type { CreateDirective, EventLine, ListQuery } from './protocol/commands.ts'
export { type Definition, directiveInput, type DirectiveInput, type Role, roles } from './protocol/directive.ts'
export { type Code, codes, type ErrorBody, WritError } from './protocol/errors.ts'
export { addressOf, shardOf } from './protocol/ids.ts'
export type { ParkedLine, ParkedView, Unparked } from './protocol/parked.ts'
export type { Plan, PlanStep } from './protocol/plan.ts'
export type {
  Beat,
  BeatReply,
  Hello,
  HelloReply,
  MergeOrder,
  MergeResult,
  Order,
  OutputPart,
  Receipt,
  Report,
  Spawn,
  SpawnReply,
} from './protocol/task.ts'
export type { Verdict } from './protocol/verdict.ts'
export type * from './protocol/event-views.ts'
export type * from './protocol/views.ts'
