import type { Decision } from './statement.ts'

/** Decisions that raise trust. What lowers it (veto, a tier that was added, a suspension) outlives a regenesis. */
const raises: ReadonlySet<Decision> = new Set(['approve', 'attest', 'remove-tier', 'lift'])

/** Says whether a regenesis makes the earlier statements of this decision void. Spec: spec/log/entry-types.md. */
export const isVoidedByRegenesis = (decision: Decision): boolean => raises.has(decision)
