/** Composes the checks over what is stored with a database: the pure ones of src/verify meet the survey of src/persistence here. */
import type { Catalog } from './machines/versions.ts'
import { surveyed } from './persistence/survey.ts'
import { verifyStatementMs } from './protocol/limits.ts'
import { checkMachines, type MachinesChecked } from './verify/machines.ts'
import { verify, type Verified, type VerifyOptions } from './verify/verify.ts'

export type { MachineHarm, MachinesChecked } from './verify/machines.ts'
export type { Verified, VerifyOptions } from './verify/verify.ts'

export interface VerifyDatabaseOptions extends VerifyOptions {
  url: string
  /** How long the quick form may take, in ms. */
  withinMs?: number
}

/** Looks through a database as it is at one moment, changing and locking nothing. Throws as `surveyed` does. */
export const verifyDatabase = ({ url, withinMs, ...options }: VerifyDatabaseOptions): Promise<Verified> =>
  surveyed({ url, statementMs: verifyStatementMs, ...(withinMs === undefined ? {} : { withinMs }) }, (survey) =>
    verify(survey, options),
  )

/** What the machines of this build, or of another one, would do with what is stored. Throws as `surveyed` does. */
export const checkMachinesOf = (url: string, all: boolean, machines?: Catalog): Promise<MachinesChecked> =>
  surveyed({ url, statementMs: verifyStatementMs }, (survey) => checkMachines(survey, all, machines))
