import {
  type AccountId,
  asAccountId,
  asSha256,
  type CheckConditionId,
  type ConditionId,
  decisionRules,
  type Decision,
  encodeUtf8,
  isDecision,
  type Sha256,
  sha256Hex,
  type Statement,
  type TierId,
} from '../../core/index.ts'

/** What a signer wants to say; an approval unless something else is asked for. */
export interface Wish {
  readonly decision: Decision
  readonly condition?: {
    readonly id: ConditionId | CheckConditionId
    /** Where the evidence lies; null: on the pull request itself. */
    readonly uri: string | null
    readonly digest: Sha256
    readonly text?: string
  }
  readonly tier?: TierId
  readonly target?: AccountId
  readonly reason?: string
}

const texts = ['condition', 'evidence_uri', 'evidence_digest', 'text', 'tier', 'target', 'reason'] as const
const longestText = 8_000

/**
 * Reads a wish from the fields of a request; null when they do not make one decision with exactly what it carries.
 *
 * Trust: every field is a stranger's. A rationale needs no evidence but its own text.
 */
export function parseWish(fields: Readonly<Record<string, unknown>>): Wish | null {
  const decision = fields.decision ?? 'approve'
  if (typeof decision !== 'string' || !isDecision(decision)) return null
  const given: Partial<Record<(typeof texts)[number], string>> = {}
  for (const name of texts) {
    const value = fields[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value === '' || value.length > longestText || !value.isWellFormed()) return null
    given[name] = value
  }
  const { carries } = decisionRules[decision]
  const hasCondition = given.condition !== undefined
  const hasEvidence =
    given.evidence_uri !== undefined || given.evidence_digest !== undefined || given.text !== undefined
  if (carries.condition !== hasCondition || (!carries.condition && hasEvidence)) return null
  if (carries.tier !== (given.tier !== undefined) || carries.target !== (given.target !== undefined)) return null
  if (carries.reason !== (given.reason !== undefined)) return null
  try {
    return {
      decision,
      ...(given.condition === undefined ? {} : { condition: conditionOf(given.condition, given) }),
      ...(given.tier === undefined ? {} : { tier: given.tier }),
      ...(given.target === undefined ? {} : { target: asAccountId(Number(given.target)) }),
      ...(given.reason === undefined ? {} : { reason: given.reason }),
    }
  } catch {
    return null
  }
}

function conditionOf(
  id: string,
  given: Readonly<Partial<Record<(typeof texts)[number], string>>>,
): NonNullable<Wish['condition']> {
  const { text, evidence_uri: uri, evidence_digest: digest } = given
  if (text !== undefined)
    return {
      id: id as ConditionId,
      uri: uri ?? null,
      digest: digest === undefined ? sha256Hex(encodeUtf8(text)) : asSha256(digest),
      text,
    }
  return { id: id as ConditionId, uri: uri ?? null, digest: asSha256(digest ?? '') }
}

/**
 * The statement of a challenge with another decision in it: the nonce and everything about the change stay as the server
 * issued them, so that it is admitted like the approval would be.
 */
export function restate(statement: Statement, wish: Wish): Statement {
  const { predicate } = statement
  const { condition: _condition, tier: _tier, target: _target, reason: _reason, ...kept } = predicate
  const { actions } = decisionRules[wish.decision]
  const action = actions.includes(predicate.action) ? predicate.action : actions[0]
  const { decision, condition, ...carried } = wish
  return {
    ...statement,
    predicate: {
      ...kept,
      ...carried,
      action: action ?? predicate.action,
      decision,
      ...(condition === undefined
        ? {}
        : {
            condition: {
              id: condition.id,
              evidence: {
                uri: condition.uri ?? `${predicate.repository.uri}/pull/${predicate.pullRequest.number}`,
                digest: condition.digest,
              },
              ...(condition.text === undefined ? {} : { text: condition.text }),
            },
          }),
    },
  }
}
