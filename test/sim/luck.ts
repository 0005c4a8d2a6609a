/** Which faults there are now, and how often each kind of them has really taken effect. */
import { type Fault, type Faults, isLater, noFaultsAtAll } from './rates.ts'
import type { SimRandom } from './random.ts'

export class Luck {
  faults: Faults
  /** By the name of the fault or of the deed. */
  readonly happened = new Map<string, number>()

  constructor(faults: Faults) {
    this.faults = faults
  }

  /** Whether it strikes now; then it is counted. What came later and is off draws nothing. */
  strikes(fault: Fault, random: SimRandom): boolean {
    const rate = this.faults[fault]
    if (rate === 0 && isLater(fault)) return false
    const struck = random.chance(rate)
    if (struck) this.count(fault)
    return struck
  }

  readonly count = (kind: string): void => {
    this.happened.set(kind, (this.happened.get(kind) ?? 0) + 1)
  }

  end(): void {
    this.faults = noFaultsAtAll
  }
}
