/** Where a nats-server may be: bundled with us, else on the PATH. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundledName, bundledPackage } from './bundled-package.ts'
import { findProgram, onPath, type Program } from './find-program.ts'

const prefix = '@lagz0ne/nats-embedded-'

export interface NatsSearch {
  path: string | undefined
  /** The folder of the bundled package; null for none. Found by itself when unset. */
  packageFolder?: string | null | undefined
}

/** The nats-server to run. Throws NO_SERVER or OLD_SERVER. */
export function findNats({ path, packageFolder = bundledPackage(prefix) }: NatsSearch): Program {
  const remedy =
    'put nats-server 2.10 or newer on the PATH (https://github.com/nats-io/nats-server/releases, brew install nats-server), ' +
    'or set WRIT_NATS_URL (docker-compose.yml starts one)'
  const bundled = typeof packageFolder === 'string' ? join(packageFolder, 'nats-server') : undefined
  const file = (): string | undefined => (bundled !== undefined && existsSync(bundled) ? bundled : undefined)
  return findProgram({ name: 'nats-server', atLeast: '2.10', remedy }, [
    { label: `the package ${bundledName(prefix)}`, source: 'bundled', file },
    ...onPath('nats-server', path),
  ])
}
