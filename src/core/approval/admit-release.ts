import type { Acceleration } from '../crypto/acceleration.ts'
import type { Instant, LogIndex, RepositoryId } from '../ids.ts'
import { type KeyFaultCode, keyStatus } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { PolicyOptions, Requirement } from '../policy/policy-v1.ts'
import { requirementDigest } from '../policy/requirement.ts'
import { type AdmissionCode, maxLifetimeMs } from './admit.ts'
import { type ReleaseBindingFaultCode, releaseBindingFault } from './release-rules.ts'
import type { AdmittedRelease, ReleaseStatement } from './release-predicate.ts'
import { parseReleaseStatement } from './release-statement.ts'
import { checkSigner, issuanceFault } from './signer-check.ts'

/** Why a statement about a release is not recorded. */
export type ReleaseAdmissionCode = AdmissionCode | ReleaseBindingFaultCode | 'revision-not-matched'

/** Everything about the world that admission looks at, as of one moment. */
export interface ReleaseAdmitContext {
  /** This log's origin: rule 2. */
  readonly origin: string
  readonly repositoryId: RepositoryId
  /** The tag that the entry names; null where the statement's own word is taken, as when it arrives. */
  readonly tag: string | null
  /** Says that a matched landing of the statement's revision on a governed branch of the repository is in the log. */
  readonly isLanded: boolean
  /** What a release of the repository needs now. */
  readonly requirement: Requirement
  readonly epoch: number
  readonly options: PolicyOptions
  readonly keyring: Keyring
  /** The position that the statement will have. */
  readonly entry: LogIndex
  readonly at: Instant
  /** `releaseNonceFor` what the statement itself names; null only offline, as in `AdmitContext`. */
  readonly expectedNonce: string | null
  readonly nonceUsed: boolean
  /** Says that a statement with this payload by this person is recorded: rule 12. */
  readonly isRecorded: boolean
  readonly acceleration?: Acceleration
}

export type ReleaseAdmission =
  | { readonly ok: true; readonly draft: Omit<AdmittedRelease, 'entry' | 'at'> }
  | { readonly ok: false; readonly code: ReleaseAdmissionCode; readonly detail: string | null }

const refused = (code: ReleaseAdmissionCode, detail: string | null = null): ReleaseAdmission => ({
  ok: false,
  code,
  detail,
})

function keyFault({ predicate }: ReleaseStatement, context: ReleaseAdmitContext): KeyFaultCode | null {
  const { signer } = predicate
  const { keyring, entry, at, requirement } = context
  const use = { account: signer.maintainer, keyid: signer.keyid, entry, signedAt: at }
  const status = keyStatus(keyring, { ...use, set: null }, at)
  if (status !== 'active') return status
  const speaks = requirement.quorums.some(({ set }) => keyStatus(keyring, { ...use, set }, at) === 'active')
  return speaks ? null : 'not-in-set'
}

/**
 * Decides once whether a signed statement about a release becomes an entry of the log.
 *
 * Trust: payload and signature are an attacker's; everything else is the caller's.
 * Checks: form and action (a pull request's approval is no release's), audience, repository, tag, that the revision landed,
 * requirement, times, that the payload is not recorded, nonce, key and signature.
 * Does not check: which artefacts will be released, which nobody knows yet: `decideRelease` counts only what binds exactly them.
 * Errs: the first fault is told, in the order of the rules; a refusal records nothing and burns no nonce.
 * Spec: spec/approval/replay-rules.md, "Releases".
 */
export function admitRelease(
  input: { readonly payload: Uint8Array; readonly signature: Uint8Array },
  context: ReleaseAdmitContext,
): ReleaseAdmission {
  const parsed = parseReleaseStatement(input.payload)
  if (!parsed.ok) return refused(parsed.code, parsed.field)
  const { statement } = parsed
  const { predicate } = statement
  const { requirement, repositoryId, at, options } = context
  if (predicate.audience !== context.origin) return refused('wrong-audience')
  if (predicate.policy.epoch > context.epoch) return refused('wrong-epoch')
  const { tag, revision, artifacts } = predicate.release
  const subject = { repositoryId, tag: context.tag ?? tag, revision, artifacts }
  // Until a maintainer has signed it nobody keeps what was asked before: only the requirement in force can be meant.
  const signed = requirementDigest(requirement) === predicate.requirement.digest.sha256 ? requirement : null
  const binding = releaseBindingFault(statement, signed, { subject, requirement })
  if (binding !== null) return refused(binding)
  if (!context.isLanded) return refused('revision-not-matched')
  const late = issuanceFault(predicate, { at, maxMs: maxLifetimeMs(options, requirement) })
  if (late !== null) return refused(late)
  if (context.isRecorded) return refused('duplicate-statement')
  if (context.nonceUsed) return refused('nonce-used')
  if (context.expectedNonce !== null && predicate.nonce !== context.expectedNonce) return refused('unknown-nonce')
  const key = keyFault(statement, context)
  if (key !== null) return refused(key)
  const check = checkSigner(input, predicate.signer, { ...context, acceleration: context.acceleration ?? {} })
  if (!check.ok) return refused(check.code, check.detail)
  return { ok: true, draft: { ...check.signed, statement, requirement } }
}
