import { AppError } from '../../flows/app-error.ts'
import type { StorePorts } from '../../flows/ports.ts'
import { ConflictSignal, kindsOf } from './conflict.ts'
import { openFaultPoints, type StoreFaults } from './faults.ts'
import {
  memoryChanges,
  memoryDeliveries,
  memoryJobs,
  memoryLog,
  memoryMemory,
  memoryRegistry,
  memorySecurityLog,
  memoryStatements,
} from './memory-reads.ts'
import { emptyState } from './memory-state.ts'
import { applyToMemory } from './memory-writes.ts'

/**
 * Opens a store that keeps the whole contract but one thing: nothing survives the process.
 *
 * @throws AppError store-unavailable from every method once it is closed
 */
export function openMemoryStore(options: { readonly faults?: StoreFaults } = {}): StorePorts {
  const state = emptyState()
  const points = openFaultPoints(options.faults)
  let isOpen = true
  const write = (what: string, run: () => void): void => {
    if (!isOpen) throw new AppError('store-unavailable', 'the store is closed')
    const n = points.before(what)
    run()
    points.after(n, what)
  }
  return {
    store: {
      async commit(writes) {
        try {
          write(kindsOf(writes), () => applyToMemory(state, writes))
          return { ok: true }
        } catch (fault) {
          if (fault instanceof ConflictSignal) return { ok: false, conflict: fault.conflict }
          throw fault
        }
      },
      async probe() {
        write('probe', () => {})
      },
      async close() {
        isOpen = false
      },
    },
    deliveries: memoryDeliveries(state, write),
    jobs: memoryJobs(state),
    changes: memoryChanges(state),
    registry: memoryRegistry(state),
    statements: memoryStatements(state),
    log: memoryLog(state.logs.decisions),
    security: memorySecurityLog(state.logs.security),
    memory: memoryMemory(state),
  }
}
