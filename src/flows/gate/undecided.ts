import { nothingDigest } from '../../core/index.ts'
import type { ChangeRecord, Write } from '../ports.ts'

/** Rows after which a change waits to be decided anew: no earlier success of it is shown again. */
export const undecided = (change: ChangeRecord): readonly Write[] =>
  change.verdict === null
    ? []
    : [
        {
          kind: 'change',
          record: { ...change, version: change.version + 1, verdict: { ...change.verdict, basis: nothingDigest } },
        },
      ]
