/** Where npm put an optional platform package of ours, if it did. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The folder of the package of this platform (`<prefix><platform>-<arch>`), or undefined when it is not installed. */
export function bundledPackage(prefix: string): string | undefined {
  const name = bundledName(prefix)
  const roots = createRequire(import.meta.url).resolve.paths(name) ?? []
  return roots.map((root) => join(root, name)).find((folder) => existsSync(join(folder, 'package.json')))
}

/** The name of that package. */
export function bundledName(prefix: string): string {
  return `${prefix}${process.platform}-${process.arch}`
}
