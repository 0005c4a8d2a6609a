/** Every machine of this build, by name and version. */
import type { AnyStateMachine } from 'xstate'
import type { ActorKind } from '../protocol/ids.ts'
import { directive } from './directive.ts'
import { registry } from './registry.ts'
import { step } from './step.ts'
import { Catalog } from './versions.ts'

/** The newest machine of each kind. */
export const current: Readonly<Record<ActorKind, AnyStateMachine>> = { directive, step, registry }

/** What this build opens. */
export const catalog = new Catalog(Object.values(current).map((machine) => ({ machine })))
