/** One line of the table at the end: what was measured, against what, and whether the bar is met. */
export interface Outcome {
  readonly name: string
  readonly ours: string
  /** The peer's figure, or the limit where there is no peer. */
  readonly against: string
  /** The figure that the bar is about; null where it is only told. */
  readonly ratio: string | null
  readonly bar: string | null
  /** Null where nothing is asked. */
  readonly isMet: boolean | null
}

/** What a bench is given. */
export interface BenchOptions {
  /** Small enough for CI: shows that everything runs, proves no figure. */
  readonly isQuick: boolean
  /** Tells a person how far it is. */
  readonly progress: (text: string) => void
}

export type Bench = (options: BenchOptions) => Promise<readonly Outcome[]>

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? Number.NaN) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

/** A whole number with thousands apart. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

const met = (isMet: boolean | null): string => (isMet === null ? '' : isMet ? 'yes' : 'missed')

/** The outcomes as aligned columns. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = [
    ['bench', 'ours', 'peer or limit', 'ratio', 'bar', 'met'],
    ...outcomes.map(({ name, ours, against, ratio, bar, isMet }) => [
      name,
      ours,
      against,
      ratio ?? '',
      bar ?? '',
      met(isMet),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
