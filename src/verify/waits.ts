/**
 * Whether what an actor waits for can come (DESIGN 13, 9). Told only of a directive between whose actors nothing is under way
 * and none of which is parked: a message on its way may be what is waited for.
 */
import { actorKey, readKey, readStepId, stepId } from '../protocol/ids.ts'
import type { Scene } from './scene.ts'
import type { State } from './state.ts'
import type { Tell } from './tell.ts'

export const checkWaits = (scene: Scene, tell: Tell): void => {
  const { state } = scene
  if (state?.directive == null || !scene.isSettled) return
  const steps = [...scene.states].filter(([key]) => readStepId(readKey(key).id) !== null)
  const own = { scene, state, of: state.directive, steps: steps.map(([, each]) => each) }
  for (const [key, step] of steps) checkStep(own, key, step, tell)
  checkDirective(own, tell)
  checkCounts(own, tell)
}

interface Own {
  scene: Scene
  state: State
  of: NonNullable<State['directive']>
  steps: readonly State[]
}

/** Something is still to be told to its steps, slice by slice, or it is waited for that something may be. */
const isTelling = ({ of, state }: Own): boolean =>
  of.slice !== null || of.missed || Object.values(of.cursors).some((cursor) => cursor !== null) || state.paused

const checkStep = (own: Own, key: string, step: State, tell: Tell): void => {
  const { scene, state, of } = own
  if (step.step === null || (step.status !== 'pending' && step.status !== 'rework')) return
  const { owner, id } = readKey(scene.key)
  const generation = of.chain?.generation ?? 0
  for (const index of step.step.waitsFor) {
    const name = stepId(id, generation, index)
    if (scene.states.get(actorKey(owner, name))?.status === 'passed')
      tell(
        'waits-for-nothing',
        'actors',
        key,
        `waits for step ${name}`,
        'nothing: that has passed, and says so no more',
      )
  }
  const isReady = step.step.waitsFor.length === 0
  if (isReady && state.status === 'active' && state.phase === null && !isTelling(own))
    tell('waits-for-nothing', 'actors', key, 'waits for its dispatch', 'dispatched, or known to its directive as ready')
}

/** At rest, and nobody will move it. */
const atRest: ReadonlySet<string> = new Set(['passed', 'failed', 'cancelled', 'skipped'])

const checkDirective = (own: Own, tell: Tell): void => {
  const { scene, state, of, steps } = own
  if (state.task !== null || isTelling(own)) return
  if (state.status === 'active' && steps.every(({ status }) => atRest.has(status)))
    tell(
      'waits-for-nothing',
      'actors',
      scene.key,
      `waits for ${(of.chain?.steps ?? 0) - of.passed} steps`,
      'a step that goes on',
    )
  if (!['failing', 'cancelling'].includes(state.status)) return
  const stops = steps.reduce((sum, { step }) => sum + (step?.stops ?? 0), 0)
  if (of.told > of.stopped && stops === 0)
    tell(
      'waits-for-nothing',
      'actors',
      scene.key,
      `waits for ${of.told - of.stopped} steps to stop`,
      'a step that is stopping',
    )
}

/** A step that is evaluated again after its directive has ended counts as passed until that is over. */
const hasPassed = ({ status, step }: State): boolean =>
  status === 'passed' || (step?.manual?.from === 'passed' && !step.manual.live)

const checkCounts = ({ scene, of, steps }: Own, tell: Tell): void => {
  const passed = steps.filter(hasPassed).length
  // What it was to hear of its steps may have been dropped; then it is not retried.
  if (of.chain !== null && !of.unheard && of.passed !== passed)
    tell('counts-differ', 'actors', scene.key, `${of.passed} steps counted as passed`, `${passed}`)
}
