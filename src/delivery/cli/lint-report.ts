import { inertPlain as inert } from '../../core/index.ts'
import type { PlacedNote, PolicyReport } from './needs.ts'
import { aligned, counted } from './terminal.ts'

/** How many of each kind a report holds. */
export interface LintCounts {
  readonly faults: number
  readonly errors: number
  readonly warnings: number
  readonly notes: number
  /** Errors that keep the policy from taking effect. */
  readonly blocking: number
}

export function lintCounts({ faults, findings }: PolicyReport): LintCounts {
  const of = (severity: string): number => findings.filter((finding) => finding.severity === severity).length
  return {
    faults: faults.length,
    errors: of('error'),
    warnings: of('warning'),
    notes: of('info'),
    blocking: faults.length + findings.filter((finding) => finding.blocks).length,
  }
}

/** Whether the files are good: no fault and no error. Warnings and notes want a look and change nothing. */
export const isLintGood = ({ faults, errors }: LintCounts): boolean => faults === 0 && errors === 0

type Told = PlacedNote & { readonly severity: string }

const byPlace = (a: Told, b: Told): number =>
  a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1

/** Everything that was found, by place: where, what, and below it what to do about it. */
export function lintText(report: PolicyReport): string {
  const told: Told[] = [
    ...report.faults.map((fault) => ({ ...fault, severity: 'fault' })),
    ...report.findings.map((finding) => ({ ...finding, severity: finding.severity as string })),
  ].sort(byPlace)
  const heads = aligned(
    told.map(({ file, line, severity, code, message }) => [inert(`${file}:${line}`), severity, code, inert(message)]),
  ).split('\n')
  return told.map(({ remedy }, index) => `${heads[index] ?? ''}\n    ${inert(remedy)}\n`).join('')
}

/** The last line: how many of each, and what that means. */
export function lintSummary(counts: LintCounts): string {
  const parts = [
    ...(counts.faults > 0 ? [counted(counts.faults, 'fault')] : []),
    counted(counts.errors, 'error'),
    counted(counts.warnings, 'warning'),
    counted(counts.notes, 'note'),
  ].join(', ')
  if (counts.faults > 0) return `${parts}: the files cannot be read as a policy\n`
  if (counts.blocking > 0) return `${parts}: ${counts.blocking} of them keep the policy from taking effect\n`
  return `${parts}: ${counts.errors > 0 ? 'the policy can take effect, but has errors' : 'good'}\n`
}
