import { AppError } from '../../flows/app-error.ts'

/**
 * Where a test breaks a durable write. Writes are numbered from 1 in the order in which they reach the disk; `what` names
 * the kinds of rows, joined by `+`.
 */
export interface StoreFaults {
  /** Throwing here is "failed and not stored". */
  before(n: number, what: string): void
  /** Throwing here is "failed but stored": the write is durable by now. */
  after(n: number, what: string): void
}

/** Counts durable writes and lets the hooks break them. Whatever a hook throws becomes `store-unavailable`. */
export function openFaultPoints(faults: StoreFaults | undefined): {
  before(what: string): number
  after(n: number, what: string): void
} {
  let count = 0
  const guarded = (run: () => void): void => {
    try {
      run()
    } catch (cause) {
      throw cause instanceof AppError ? cause : new AppError('store-unavailable', 'the store failed', { cause })
    }
  }
  return {
    before(what) {
      count += 1
      const n = count
      if (faults !== undefined) guarded(() => faults.before(n, what))
      return n
    },
    after(n, what) {
      if (faults !== undefined) guarded(() => faults.after(n, what))
    },
  }
}
