/** `npm run build`: packages installed, `dist` made from `src`. */
import { built, installed, ready } from './ready.mjs'

await ready(installed, built)
