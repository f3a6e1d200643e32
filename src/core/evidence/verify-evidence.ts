import { type EvidenceCase, openCase, type VerifyContext } from './evidence-case.ts'
import { readEvidence } from './evidence.ts'
import {
  type CheckReport,
  conclude,
  type EvidenceCheck,
  evidenceChecks,
  type Finding,
  type Report,
  reportOf,
} from './report.ts'
import { checkKeyring, checkPolicies, checkStatements } from './steps-history.ts'
import {
  checkBlobs,
  checkCheckpoint,
  checkEntries,
  checkInclusion,
  checkOrder,
  checkTrust,
  checkWitnesses,
} from './steps-log.ts'
import {
  checkApprovals,
  checkClock,
  checkClone,
  checkFactsOfVerdicts,
  checkShortForms,
  checkSurplus,
  checkTime,
  checkVerdicts,
} from './steps-verdict.ts'

/** One step of the verifier: looks at one thing, and says pass (null), fail or skipped with its code. */
export type EvidenceStep = (one: EvidenceCase) => Finding

/** Every step after the form, by name. */
export const evidenceSteps: Readonly<Record<Exclude<EvidenceCheck, 'form'>, EvidenceStep>> = {
  checkpoint: checkCheckpoint,
  trust: checkTrust,
  witnesses: checkWitnesses,
  inclusion: checkInclusion,
  order: checkOrder,
  entries: checkEntries,
  blobs: checkBlobs,
  policies: checkPolicies,
  keyring: checkKeyring,
  statements: checkStatements,
  facts: checkFactsOfVerdicts,
  clock: checkClock,
  approvals: checkApprovals,
  verdict: checkVerdicts,
  'verdict-entry': checkShortForms,
  time: checkTime,
  surplus: checkSurplus,
  clone: checkClone,
}

/** Checks that say nothing where the verifier asks for no witnesses. */
function optionalChecks({ trust }: VerifyContext): ReadonlySet<EvidenceCheck> {
  return trust !== null && trust.witnessPolicy === null ? new Set(['witnesses', 'time']) : new Set()
}

/**
 * Judges one verdict anew, from nothing but bytes and whom to trust.
 *
 * Trust: the bytes are an attacker's; `context` is the caller's.
 * Checks: every step of `steps`, all of them, each with its own code; nothing stops at the first fault.
 * Does not check: that the log holds nothing else that bears on the change (a veto or a policy that was left out needs the whole
 * log), and, without a clone, that the facts are true. The result then says so.
 * Errs: towards not believing: what was skipped never counts as passed.
 * Spec: spec/evidence/evidence.md.
 */
export function verifyEvidence(
  bytes: Uint8Array,
  context: VerifyContext,
  steps: Partial<typeof evidenceSteps> = evidenceSteps,
): Report {
  const read = readEvidence(bytes)
  if (!read.ok) {
    const form: CheckReport = {
      check: 'form',
      outcome: 'fail',
      code: read.code,
      ...(read.field === null ? {} : { detail: read.field }),
    }
    const others = evidenceChecks.filter((check) => check !== 'form')
    return conclude(
      [form, ...others.map((check): CheckReport => ({ check, outcome: 'skipped', code: 'not-read' }))],
      new Set(),
    )
  }
  const one = openCase(read.evidence, context)
  const checks: CheckReport[] = [reportOf('form', null)]
  for (const check of evidenceChecks) {
    const step = check === 'form' ? undefined : steps[check]
    if (step !== undefined) checks.push(reportOf(check, step(one)))
  }
  return conclude(checks, optionalChecks(context))
}
