import { scrubText } from './scrub.ts'

type Labels = Readonly<Record<string, string>>

export interface Counter {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

export interface Histogram {
  readonly name: string
  readonly labels: Labels
  readonly count: number
  readonly sum: number
  readonly largest: number
  /** How many values were at most `limit`; the last limit is Infinity. */
  readonly buckets: readonly { readonly limit: number; readonly count: number }[]
}

/** Every counter and histogram as it stands, in the order in which they first appeared. */
export interface Snapshot {
  readonly counters: readonly Counter[]
  readonly histograms: readonly Histogram[]
}

export interface Measurements {
  count(name: string, labels?: Labels): void
  observe(name: string, value: number, labels?: Labels): void
  snapshot(): Snapshot
}

/** Series that may exist at all: labels come from closed lists, and where one does not, memory stays flat. */
const mostSeries = 2_000
const limits = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000, 600_000, Infinity]

type Series<T> = Map<string, { readonly name: string; readonly labels: Labels } & T>

/** Counts in memory, for this process alone. Label values are scrubbed and short, since they are shown to many. */
export function createMeasurements(): Measurements {
  const counters: Series<{ value: number }> = new Map()
  const histograms: Series<{ count: number; sum: number; largest: number; readonly counts: number[] }> = new Map()
  let dropped = 0

  function find<T>(all: Series<T>, name: string, labels: Labels, fresh: () => T): T | undefined {
    const key = keyOf(name, labels)
    const known = all.get(key)
    if (known !== undefined) return known
    if (counters.size + histograms.size >= mostSeries) {
      dropped++
      return undefined
    }
    const clean = Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, shorten(value)]))
    const series = { name, labels: clean, ...fresh() }
    all.set(key, series)
    return series
  }

  return {
    count(name, labels = {}) {
      const series = find(counters, name, labels, () => ({ value: 0 }))
      if (series !== undefined) series.value++
    },
    observe(name, value, labels = {}) {
      const empty = (): { count: number; sum: number; largest: number; counts: number[] } => ({
        count: 0,
        sum: 0,
        largest: -Infinity,
        counts: limits.map(() => 0),
      })
      const series = find(histograms, name, labels, empty)
      if (series === undefined || Number.isNaN(value)) return
      series.count++
      series.sum += value
      series.largest = Math.max(series.largest, value)
      const bucket = limits.findIndex((limit) => value <= limit)
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    },
    snapshot() {
      const lost: Counter[] = dropped === 0 ? [] : [{ name: 'telemetry_dropped', labels: {}, value: dropped }]
      return {
        counters: [...counters.values()].map(({ name, labels, value }) => ({ name, labels, value })).concat(lost),
        histograms: [...histograms.values()].map(({ name, labels, count, sum, largest, counts }) => {
          let sumOfCounts = 0
          const buckets = limits.map((limit, i) => ({ limit, count: (sumOfCounts += counts[i] ?? 0) }))
          return { name, labels, count, sum, largest, buckets }
        }),
      }
    },
  }
}

function keyOf(name: string, labels: Labels): string {
  let key = name
  for (const label in labels) key += `\u0000${label}\u0000${labels[label]}`
  return key
}

const shorten = (value: string): string => scrubText(value).slice(0, 80)
