import type { CommitConflict, Write } from '../../flows/ports.ts'

/** Ends the application of one commit's rows; never leaves the store adapter. */
export class ConflictSignal extends Error {
  override name = 'ConflictSignal'
  readonly conflict: CommitConflict
  constructor(conflict: CommitConflict) {
    super(conflict)
    this.conflict = conflict
  }
}

/** Names a commit by the kinds of its rows, each once, in order. */
export const kindsOf = (writes: readonly Write[]): string => [...new Set(writes.map(({ kind }) => kind))].join('+')
