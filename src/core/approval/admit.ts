import type { Acceleration } from '../crypto/acceleration.ts'
import { dayMs, type Instant, type LogIndex } from '../ids.ts'
import { findPerson, type KeyFaultCode, keyStatus } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { PolicyOptions, Requirement, TierId } from '../policy/policy-v1.ts'
import { requirementDigest } from '../policy/requirement.ts'
import { type BindingFaultCode, bindingFault, type ChangeSubject } from './binding.ts'
import { decisionRules } from './decision-rules.ts'
import { isRationale } from './rationale.ts'
import { checkSigner, issuanceFault } from './signer-check.ts'
import type { AdmittedStatement, Statement } from './statement.ts'
import { parseStatement, type StatementFaultCode } from './statement-bytes.ts'

/** Days that an approval may outlive the review period, where the policy sets no maximum. */
const graceDays = 90

/** Why a signed statement is not recorded. */
export type AdmissionCode =
  | StatementFaultCode
  | BindingFaultCode
  | KeyFaultCode
  | 'not-supported'
  | 'wrong-audience'
  | 'wrong-epoch'
  | 'issued-in-future'
  | 'lifetime-empty'
  | 'lifetime-too-long'
  | 'duplicate-statement'
  | 'nonce-used'
  | 'unknown-nonce'
  | 'condition-not-asked'
  | 'unknown-tier'
  | 'rationale-too-short'
  | 'bad-signature'

/** Everything about the world that admission looks at, as of one moment. */
export interface AdmitContext {
  /** This log's origin: rule 2. */
  readonly origin: string
  readonly subject: ChangeSubject
  /** The requirement in force for the change now. */
  readonly requirement: Requirement
  /** The requirement that the statement's digest names, where the caller knows it; otherwise the one in force is tried. */
  readonly signedRequirement: Requirement | null
  readonly epoch: number
  readonly options: PolicyOptions
  /** The tiers that the policy in force has. */
  readonly tiers: readonly TierId[]
  readonly keyring: Keyring
  /** The position that the statement will have. */
  readonly entry: LogIndex
  readonly at: Instant
  /**
   * `nonceFor` the repository, number, head, base and signer that the statement itself names. Null only where the server's
   * key is out of reach, offline: the log then answers for issuance, and `nonceUsed` must say whether another admitted
   * statement has the nonce.
   */
  readonly expectedNonce: string | null
  readonly nonceUsed: boolean
  /** Says that a statement with this payload by this person is recorded: rule 12. */
  readonly isRecorded: boolean
  readonly acceleration?: Acceleration
}

/** What `admit` has checked, short of its place in the log. */
export type StatementDraft = Omit<AdmittedStatement, 'entry' | 'at'>

export type Admission =
  | { readonly ok: true; readonly draft: StatementDraft }
  | { readonly ok: false; readonly code: AdmissionCode; readonly detail: string | null }

const refused = (code: AdmissionCode, detail: string | null = null): Admission => ({ ok: false, code, detail })

/** The longest lifetime of a statement on a change with this requirement, in milliseconds. Spec: domain.md "Approvals". */
export const maxLifetimeMs = (options: PolicyOptions, requirement: Requirement): number =>
  (options.approvalMaxDays ?? requirement.reviewDays + graceDays) * dayMs

function conditionFault({ predicate }: Statement, { requirement }: AdmitContext): AdmissionCode | null {
  const { condition } = predicate
  if (condition === undefined) return null
  const isAsked =
    (requirement.conditions as readonly string[]).includes(condition.id) ||
    requirement.checks.some((check) => condition.id === `check:${check.appId}:${check.name}`)
  if (!isAsked) return 'condition-not-asked'
  return condition.id === 'rationale' && !isRationale(condition.text ?? '') ? 'rationale-too-short' : null
}

/** Rule 10, short of the signature. A self-suspended person may take part in lifting the own suspension. */
function keyFault({ predicate }: Statement, context: AdmitContext): KeyFaultCode | null {
  const { signer, decision, target } = predicate
  const { keyring, entry, at, requirement } = context
  const use = { account: signer.maintainer, keyid: signer.keyid, entry, signedAt: at }
  const status = keyStatus(keyring, { ...use, set: null }, at)
  if (status === 'key-suspended' && decision === 'lift' && target === signer.maintainer) {
    const isSelfSuspended = findPerson(keyring, target)?.suspension?.by.includes(target) === true
    return isSelfSuspended ? null : status
  }
  if (status !== 'active') return status
  if (!decisionRules[decision].bindsPullRequest) return null
  const speaks = requirement.quorums.some(({ set }) => keyStatus(keyring, { ...use, set }, at) === 'active')
  return speaks ? null : 'not-in-set'
}

/**
 * Decides once whether a signed statement becomes an entry of the log: rules 1 to 10 and 12 as of now.
 *
 * Trust: payload and signature are an attacker's; key and scheme come from the keyring, never from the statement.
 * Checks: form, audience, repository, number, head, base, requirement, times, that the payload is not recorded, nonce, key and
 * signature; rules 3 to 7 by the subject table (`decisionRules`). Rule 12 comes before rule 9, so that a replay is called one.
 * Does not check: rule 11, which `stands` decides; whether the signer is an author of the change, which `evaluate` decides.
 * Errs: the first fault is told, in the order of the rules; a refusal records nothing and burns no nonce.
 * Spec: formats.md "Replay rules".
 */
export function admit(
  input: { readonly payload: Uint8Array; readonly signature: Uint8Array },
  context: AdmitContext,
): Admission {
  const { payload } = input
  const acceleration = context.acceleration ?? {}
  const parsed = parseStatement(payload)
  if (!parsed.ok) return refused(parsed.code, parsed.field)
  const { statement } = parsed
  const { predicate } = statement
  if (predicate.action === 'emergency' || predicate.action === 'release') return refused('not-supported')
  if (predicate.audience !== context.origin) return refused('wrong-audience')
  if (predicate.policy.epoch > context.epoch) return refused('wrong-epoch')
  const rules = decisionRules[predicate.decision]
  const { digest } = predicate.requirement
  const signed = [context.signedRequirement, context.requirement].find(
    (candidate) => candidate !== null && requirementDigest(candidate) === digest.sha256,
  )
  const binding = bindingFault(statement, signed ?? null, {
    subject: context.subject,
    requirement: context.requirement,
    approvalsSurviveRebase: context.options.approvalsSurviveRebase,
  })
  if (binding !== null) return refused(binding)
  const maxMs = maxLifetimeMs(context.options, context.requirement)
  const late = issuanceFault(predicate, { at: context.at, maxMs })
  if (late !== null) return refused(late)
  if (context.isRecorded) return refused('duplicate-statement')
  if (context.nonceUsed) return refused('nonce-used')
  if (context.expectedNonce !== null && predicate.nonce !== context.expectedNonce) return refused('unknown-nonce')
  if (predicate.tier !== undefined && !context.tiers.includes(predicate.tier)) return refused('unknown-tier')
  const condition = conditionFault(statement, context)
  if (condition !== null) return refused(condition)
  const key = keyFault(statement, context)
  if (key !== null) return refused(key)
  const check = checkSigner(input, predicate.signer, { ...context, acceleration })
  if (!check.ok) return refused(check.code, check.detail)
  return {
    ok: true,
    draft: {
      ...check.signed,
      statement,
      requirement: rules.bindsRequirement && signed ? signed : context.requirement,
    },
  }
}
