/** Every check of evidence, in the order in which a person can follow it. */
export const evidenceChecks = [
  'form',
  'checkpoint',
  'trust',
  'witnesses',
  'inclusion',
  'order',
  'entries',
  'blobs',
  'policies',
  'keyring',
  'statements',
  'facts',
  'clock',
  'approvals',
  'verdict',
  'verdict-entry',
  'time',
  'surplus',
  'clone',
] as const

export type EvidenceCheck = (typeof evidenceChecks)[number]

/** How one check ended. `code` is null for pass alone; a skipped check never counts as passed. */
export interface CheckReport {
  readonly check: EvidenceCheck
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly code: string | null
  /** Which entry, blob or field; identifiers only. */
  readonly detail?: string
}

/**
 * What may be believed. `verified`: trusted keys, everything recomputed, facts recomputed from git. `consistent`: the same but
 * for what was skipped, at least the facts. `untrusted`: nothing contradicts itself, and nobody said whom to trust. `invalid`:
 * a check failed.
 */
export type EvidenceVerdict = 'verified' | 'consistent' | 'untrusted' | 'invalid'

/** The answer of a verifier of evidence. */
export interface Report {
  readonly verdict: EvidenceVerdict
  readonly checks: readonly CheckReport[]
}

/** What a step found: null for pass. */
export type Finding = {
  readonly outcome: 'fail' | 'skipped'
  readonly code: string
  readonly detail?: string
} | null

export const failed = (code: string, detail?: string | number): Finding => ({
  outcome: 'fail',
  code,
  ...(detail === undefined ? {} : { detail: String(detail) }),
})

export const skipped = (code: string, detail?: string | number): Finding => ({
  outcome: 'skipped',
  code,
  ...(detail === undefined ? {} : { detail: String(detail) }),
})

/** How a check ended that found this. */
export const reportOf = (check: EvidenceCheck, finding: Finding): CheckReport =>
  finding === null ? { check, outcome: 'pass', code: null } : { check, ...finding }

/** A value that the check needs was erased: what it would have found nobody knows. */
export const unknownFor = (digest: string): Finding => skipped('blob-erased', digest)

/** Joins what the checks found into one verdict. `optional` names checks that may be skipped and the evidence still be verified. */
export function conclude(checks: readonly CheckReport[], optional: ReadonlySet<EvidenceCheck>): Report {
  const outcomeOf = (name: EvidenceCheck) => checks.find(({ check }) => check === name)?.outcome
  if (checks.some(({ outcome }) => outcome === 'fail')) return { verdict: 'invalid', checks }
  if (outcomeOf('trust') !== 'pass') return { verdict: 'untrusted', checks }
  const isWhole = checks.every(({ check, outcome }) => outcome === 'pass' || optional.has(check))
  return { verdict: isWhole && outcomeOf('clone') === 'pass' ? 'verified' : 'consistent', checks }
}
