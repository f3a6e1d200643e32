import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { StoreFaults } from '../../src/adapters/store/faults.ts'
import type { CommitConflict, StorePorts, Write } from '../../src/flows/ports.ts'

/** One place where stores of a kind live; each test gets its own. */
export interface StorePlace {
  /** Opens the store of this place; again after `close`, it finds what was committed when the adapter is durable. */
  open(options?: { readonly faults?: StoreFaults }): Promise<StorePorts>
}

/** How the suite reaches one adapter. */
export interface StoreFixture {
  readonly name: string
  readonly isDurable: boolean
  place(t: TestContext): Promise<StorePlace>
}

/** One test on an open, empty store that is closed afterwards. */
export function storeTest(fixture: StoreFixture, name: string, run: (ports: StorePorts) => Promise<void>): void {
  test(`${name} (${fixture.name})`, async (t) => {
    const ports = await (await fixture.place(t)).open()
    try {
      await run(ports)
    } finally {
      await ports.store.close()
    }
  })
}

/** Commits and insists that it took effect. */
export async function committed(ports: StorePorts, ...writes: readonly Write[]): Promise<void> {
  assert.deepEqual(await ports.store.commit(writes), { ok: true })
}

/** Commits and insists on this conflict. */
export async function refused(ports: StorePorts, conflict: CommitConflict, ...writes: readonly Write[]): Promise<void> {
  assert.deepEqual(await ports.store.commit(writes), { ok: false, conflict })
}

/** Predicate for `assert.rejects`: an AppError of this code. */
export const isAppError =
  (code: string) =>
  (fault: unknown): boolean => {
    assert.ok(fault instanceof Error)
    assert.equal((fault as { code?: unknown }).code, code, fault.stack)
    return true
  }
