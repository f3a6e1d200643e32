import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import type { LogIndex, Sha256 } from '../ids.ts'
import type { LogEntry } from '../log/entry.ts'
import { type EvidenceCase, openCase, type VerifyContext } from './evidence-case.ts'
import { type Recomputation, recompute } from './recompute.ts'
import { type CheckReport, type EvidenceCheck, failed, type Finding, reportOf, skipped } from './report.ts'
import { checkKeyring, checkPolicies, checkStatements } from './steps-history.ts'
import { checkBlobs, checkBreaks, checkEntries, checkOrder, checkTrust, checkWitnesses } from './steps-log.ts'
import { checkApprovals, checkClock, checkFactsOfVerdicts, checkShortForms, checkVerdicts } from './steps-verdict.ts'

/** A log that somebody has read whole: what verdicts stand on, each entry included in the head and each value under its digest. */
export interface LogRecord {
  /** The head, whose signature the reader has verified, with its cosignatures. */
  readonly checkpoint: string
  readonly size: number
  /** Entries of the types that evidence holds, by ascending index. */
  readonly entries: readonly { readonly index: LogIndex; readonly entry: LogEntry }[]
  /** Policies, statements with their requirements, and what the verdicts behind policies were made of. */
  readonly blobs: ReadonlyMap<Sha256, Json>
}

/** A log replayed once, on which any number of its verdicts are judged. */
export interface LogCase {
  /** What holds of the log as a whole: its beginning, order, policies, keys, witnesses. */
  readonly checks: readonly CheckReport[]
  /**
   * Judges one verdict anew, by every step that evidence of it would be judged by, but for its proofs, its times and its clone.
   * `blobs` are the values of this verdict: verdict, facts, file list.
   */
  judge(verdict: LogIndex, blobs: ReadonlyMap<Sha256, Json>): readonly CheckReport[]
}

/**
 * The policy that everything before this verdict descends from is the trusted one. Who trusts the policy of a later regenesis
 * was told nothing of those before it.
 */
function checkRoot({ context, history, evidence }: EvidenceCase): Finding {
  if (context.trust === null) return skipped('no-trust')
  const { genesisPolicy } = context.trust
  const roots = history.policies.filter(({ root }) => root !== null)
  const own = roots.findLast(({ entry }) => entry.index < evidence.verdict)
  if (own?.entry.data.policy === genesisPolicy) return null
  const isBeforeTrusted = roots.some(
    ({ entry }) => entry.index > evidence.verdict && entry.data.policy === genesisPolicy,
  )
  return isBeforeTrusted
    ? skipped('policy-not-pinned', own?.entry.index)
    : failed('policy-not-pinned', own?.entry.index)
}

const wholeSteps = {
  checkpoint: checkBreaks,
  witnesses: checkWitnesses,
  order: checkOrder,
  entries: checkEntries,
  trust: checkTrust,
  blobs: checkBlobs,
  policies: checkPolicies,
  keyring: checkKeyring,
} as const

/** The keys of this verdict; those of the policies were judged with the whole. */
const checkOwnKeyring = (one: EvidenceCase): Finding =>
  checkKeyring({ ...one, history: { ...one.history, policies: [] } })

const verdictSteps = {
  trust: checkRoot,
  statements: checkStatements,
  facts: checkFactsOfVerdicts,
  clock: checkClock,
  keyring: checkOwnKeyring,
  approvals: checkApprovals,
  verdict: checkVerdicts,
  'verdict-entry': checkShortForms,
} as const

const run = (one: EvidenceCase, steps: Partial<Record<EvidenceCheck, (one: EvidenceCase) => Finding>>): CheckReport[] =>
  Object.entries(steps).map(([check, step]) => reportOf(check as EvidenceCheck, step(one)))

/**
 * Replays a whole log, so that each of its verdicts can be judged by what stood before it and nothing can have been left out.
 *
 * Trust: entries and values are the operator's; that the log holds them is the reader's finding.
 * Checks: `checks`, and for each verdict `judge`.
 * Does not check: the head's signature and inclusion; facts against a clone; the times that witnesses can vouch for.
 * Errs: towards not believing, as `verifyEvidence`.
 * Spec: spec/log/landings.md; spec/evidence/evidence.md.
 */
export function openLogCase(record: LogRecord, context: Omit<VerifyContext, 'cloneCheck'>): LogCase {
  const blobs = new Map(record.blobs)
  const evidence = {
    checkpoint: record.checkpoint,
    earlier: [],
    verdict: (record.size - 1) as LogIndex,
    entries: record.entries.map((one) => ({ ...one, proof: [] })),
    blobs,
  }
  const whole = openCase(evidence, { ...context, cloneCheck: null })
  const { history, typed, acceleration } = whole
  /** A suspension is part of the keys of everything after it. */
  const aboutKeys = history.statements.filter(({ statement }) => statement?.predicate.target !== undefined)

  function viewOf(judged: Recomputation): EvidenceCase {
    const { index } = judged.entry
    const statements = new Set([...aboutKeys.filter(({ entry }) => entry.index < index), ...judged.statements])
    return {
      ...whole,
      evidence: { ...evidence, verdict: index },
      history: { ...history, statements: [...statements] },
      decisive: index,
      verdicts: [judged],
    }
  }

  return {
    checks: run(whole, wholeSteps),
    judge(verdict, own) {
      const entry = typed.find((one) => one.index === verdict)
      if (entry?.type !== 'verdict') return [reportOf('facts', failed('verdict-missing', verdict))]
      const wrong = [...own].find(([digest, value]) => bytesDigest(canonicalBytes(value), acceleration) !== digest)
      if (wrong !== undefined) return [reportOf('blobs', failed('blob-digest-mismatch', wrong[0]))]
      const added = [...own].filter(([digest]) => !blobs.has(digest))
      for (const [digest, value] of added) blobs.set(digest, value)
      const isErased = (digest: Sha256): boolean => whole.erased.has(digest)
      const view = viewOf(recompute(entry, { history, blob: (digest) => blobs.get(digest), isErased, acceleration }))
      const checks = run(view, verdictSteps)
      for (const [digest] of added) blobs.delete(digest)
      return checks
    },
  }
}
