// In the place of the built catalog of machines stands that of a later build.
const steps = new URL('./later-steps.mjs', import.meta.url).href

export const load = (url, context, next) => {
  if (!url.endsWith('/dist/machines/catalog.js')) return next(url, context)
  const near = (file) => new URL(file, url).href
  const source = `
    import { directive } from '${near('directive.js')}'
    import { registry } from '${near('registry.js')}'
    import { step } from '${near('step.js')}'
    import { Catalog } from '${near('versions.js')}'
    import { laterVersions } from '${steps}'
    const others = [directive, registry].map((machine) => ({ machine }))
    export const catalog = new Catalog([...others, ...laterVersions(step, Number(process.env.BUILD))])
  `
  return { format: 'module', source, shortCircuit: true }
}
