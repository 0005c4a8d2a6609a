/** How much has to happen in a run, so that nothing wrong means something. However short it is, one of each. */
import type { Report } from './report.ts'

const [faultsPerMinute, directivesPerMinute, kindsMin] = [5, 3, 10]

const inMinutes = (count: number, minutes: number): number => Math.max(1, Math.floor(count * minutes))

export const faultsMin = (minutes: number): number => inMinutes(faultsPerMinute, minutes)

/** What is below its floor, in words; `minutes`: as asked for, `kinds`: how many kinds of faults were allowed. */
export const tooLittle = (
  { minutes, kinds }: { minutes: number; kinds: number },
  { faults, operations, skipped }: Pick<Report, 'faults' | 'operations' | 'skipped'>,
): string[] => {
  const least = faultsMin(minutes)
  const floors: [string, number, number][] = [
    ['faults', Object.values(faults).reduce((sum, count) => sum + count, 0), least],
    ['kinds of faults', Object.keys(faults).length, Math.min(kindsMin, kinds - skipped.length, least)],
    ['directives that have ended', operations['directives ended'] ?? 0, inMinutes(directivesPerMinute, minutes)],
  ]
  return floors.flatMap(([what, count, floor]) =>
    count < floor ? [`only ${count} ${what}: ${floor} or more are to be`] : [],
  )
}
