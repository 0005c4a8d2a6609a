// Loaded into a process of Writ before its own code (`--import`): it is one of a later build, that has the steps of later-steps.mjs.
import { register } from 'node:module'

register('./later-machines.mjs', import.meta.url)
