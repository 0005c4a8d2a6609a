/** A data folder of which a start that comes to nothing leaves nothing that was not there before. */
import { existsSync, rmdirSync, rmSync } from 'node:fs'
import { dataFolder, type Folders } from '../embedded/folders.ts'

export class FreshFolder {
  readonly folders: Folders
  readonly #madeFolders: string[] = []
  readonly #madeFiles: string[] = []

  /** Makes it where it is missing. Throws as `dataFolder` does. */
  constructor(root: string) {
    this.folders = dataFolder({ dataDir: root, env: {} }, (made) => this.#madeFolders.push(made))
  }

  /** Gives the name of a file back that is to be made now, or is there. */
  file(name: string): string {
    if (!existsSync(name)) this.#madeFiles.push(name)
    return name
  }

  /** Removes what was made; a folder stays in which somebody else has put something meanwhile. */
  remove(): void {
    for (const name of this.#madeFiles) rmSync(name, { force: true })
    for (const folder of this.#madeFolders.toReversed()) removeEmpty(folder)
  }
}

const removeEmpty = (folder: string): void => {
  try {
    rmdirSync(folder)
  } catch {
    // Not empty, or gone: either way it is not ours to remove any more.
  }
}
