import type { Artifact } from '../release/artifacts.ts'
import { readReleaseFile } from './release-file.ts'
import type { EvidenceCheck } from './report.ts'
import {
  checkArtifacts,
  checkLanding,
  checkQuorum,
  checkReleaseStatements,
  checkReleaseSurplus,
  checkSignature,
  checkStatement,
  openRelease,
  type ReleaseCase,
  type ReleaseContext,
  type ReleaseStep,
} from './steps-release.ts'
import { evidenceSteps } from './verify-evidence.ts'

/** The steps that evidence of the landing's verdict passes through too, in their order. */
const sharedChecks = [
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
] as const satisfies readonly EvidenceCheck[]

/** Every check of a release, in the order in which a person can follow it. */
export const releaseChecks = [
  'form',
  ...sharedChecks,
  'landing',
  'release-statements',
  'quorum',
  'signature',
  'statement',
  'surplus',
  'artifacts',
] as const

export type ReleaseCheck = (typeof releaseChecks)[number]

/** How one check ended. `code` is null for pass alone; a skipped check never counts as passed. */
export interface ReleaseCheckReport {
  readonly check: ReleaseCheck
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly code: string | null
  readonly detail?: string
}

/**
 * What may be believed. `good`: trusted keys, everything recomputed, and the files are the released ones. `consistent`: the
 * same, and nobody handed in the files. `untrusted`: nothing contradicts itself, and nobody said whom to trust. `invalid`: a
 * check failed.
 */
export type ReleaseVerdict = 'good' | 'consistent' | 'untrusted' | 'invalid'

/** What a release that was read says of itself; as good as the verdict of the report. */
export interface ReleaseClaim {
  readonly repository: string | null
  readonly tag: string
  readonly revision: string
  readonly artifacts: readonly Artifact[]
  /** How many persons' approvals counted, over all quorums. */
  readonly approvers: number
}

export interface ReleaseReport {
  readonly verdict: ReleaseVerdict
  readonly checks: readonly ReleaseCheckReport[]
  readonly release: ReleaseClaim | null
}

const shared =
  (check: (typeof sharedChecks)[number]): ReleaseStep =>
  ({ one }) =>
    evidenceSteps[check](one)

const steps: Readonly<Record<Exclude<ReleaseCheck, 'form'>, ReleaseStep>> = {
  ...(Object.fromEntries(sharedChecks.map((check) => [check, shared(check)])) as Record<
    (typeof sharedChecks)[number],
    ReleaseStep
  >),
  landing: checkLanding,
  'release-statements': checkReleaseStatements,
  quorum: checkQuorum,
  signature: checkSignature,
  statement: checkStatement,
  surplus: checkReleaseSurplus,
  artifacts: checkArtifacts,
}

function verdictOf(checks: readonly ReleaseCheckReport[], { trust }: ReleaseContext): ReleaseVerdict {
  const outcomeOf = (name: ReleaseCheck) => checks.find(({ check }) => check === name)?.outcome
  if (checks.some(({ outcome }) => outcome === 'fail')) return 'invalid'
  if (trust === null || outcomeOf('trust') !== 'pass') return 'untrusted'
  // Where the verifier asks for no witnesses, what they would have seen says nothing.
  const optional: readonly ReleaseCheck[] = trust.witnessPolicy === null ? ['witnesses', 'time'] : []
  return checks.every(({ check, outcome }) => outcome === 'pass' || optional.includes(check)) ? 'good' : 'consistent'
}

function claimOf({ signed, artifacts, decided, one }: ReleaseCase): ReleaseClaim | null {
  if (signed === null) return null
  const { tag, revision } = signed.data
  return {
    repository: one.verdicts[0]?.facts?.repository.name ?? null,
    tag,
    revision,
    artifacts: artifacts ?? [],
    approvers: new Set(decided?.quorums.flatMap(({ persons }) => persons)).size,
  }
}

/**
 * Judges a release from nothing but bytes, files and whom to trust: that its quorum approved exactly these files, built from a
 * revision that had passed.
 *
 * Trust: the bytes are an attacker's; `context` is the caller's.
 * Checks: every step, each with its own code; nothing stops at the first fault.
 * Does not check: that the artefacts are what building the revision gives; that the pull request's facts are what git holds
 * (`verify evidence --clone`, `verify repo`); that no later release goes by the same tag (the whole log tells).
 * Errs: towards not believing: what was skipped never counts as passed.
 * Spec: spec/evidence/release.md.
 */
export function verifyRelease(bytes: Uint8Array, context: ReleaseContext): ReleaseReport {
  const read = readReleaseFile(bytes)
  if (!read.ok) {
    const detail = read.field === null ? {} : { detail: read.field }
    const form: ReleaseCheckReport = { check: 'form', outcome: 'fail', code: read.code, ...detail }
    const others = releaseChecks.filter((check) => check !== 'form')
    const unread = others.map((check): ReleaseCheckReport => ({ check, outcome: 'skipped', code: 'not-read' }))
    return { verdict: 'invalid', checks: [form, ...unread], release: null }
  }
  const release = openRelease(read.file, context)
  const checks = releaseChecks.map((check): ReleaseCheckReport => {
    const finding = check === 'form' ? null : steps[check](release)
    return finding === null ? { check, outcome: 'pass', code: null } : { check, ...finding }
  })
  return { verdict: verdictOf(checks, context), checks, release: claimOf(release) }
}
