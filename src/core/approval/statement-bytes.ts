import { canonicalBytes } from '../bytes/canonical-json.ts'
import {
  FieldFault,
  type FieldFaultCode,
  readChoice,
  readId,
  readInteger,
  readList,
  readObject,
  readText,
} from '../bytes/field-reader.ts'
import type { Json, JsonObject } from '../bytes/json.ts'
import { preAuthEncoding } from '../bytes/pae.ts'
import { type AccountId, asCommitId, asTreeId, type CommitId } from '../ids.ts'
import { type DecisionRules, decisionRules } from './decision-rules.ts'
import { formatInstant } from './instant-text.ts'
import {
  type Action,
  type ApprovalPredicate,
  approvalPayloadType,
  approvalPredicateType,
  type CheckConditionId,
  type Decision,
  type Statement,
  statementType,
} from './statement.ts'
import {
  freeText,
  isReleaseValue,
  parsePayload,
  printable,
  readCommon,
  readReason,
  readSha256,
} from './statement-fields.ts'
import type { ConditionId } from '../policy/policy-v1.ts'

const maxTextLength = 8000
const maxDenied = 250

const actions: readonly Action[] = [
  'pull-request',
  'policy-change',
  'key-change',
  'tier-override',
  'emergency',
  'release',
]
const decisions = Object.keys(decisionRules) as readonly Decision[]

/** Why bytes are no statement. */
export type StatementFaultCode =
  | FieldFaultCode
  | 'too-large'
  | 'not-json'
  | 'not-canonical'
  | 'wrong-type'
  | 'wrong-predicate-type'
  | 'wrong-action'
  | 'subject-contradicts-predicate'

export type ParsedStatement =
  | { readonly ok: true; readonly statement: Statement }
  | { readonly ok: false; readonly code: StatementFaultCode; readonly field: string | null }

const refName = /^[^\p{Cc} ~^:?*[\\]+$/u
const conditionId = /^(?:[a-z][a-z0-9-]{0,63}|check:[1-9][0-9]{0,15}:\P{Cc}{1,100})$/u

function toJson({ head, headTree, predicate }: Statement): JsonObject {
  const { issuedAt, expiresAt, ...rest } = predicate
  return {
    _type: statementType,
    subject: [
      { name: 'head', digest: { gitCommit: head } },
      { name: 'head-tree', digest: { gitTree: headTree } },
    ],
    predicateType: approvalPredicateType,
    predicate: { ...rest, issuedAt: formatInstant(issuedAt), expiresAt: formatInstant(expiresAt) },
  }
}

/**
 * Writes a statement as the exact RFC 8785 bytes that are signed.
 *
 * Checks: what it writes is what `parseStatement` takes.
 * @throws RangeError when the statement has a field that its decision does not carry, lacks one, or holds a wrong value
 */
export function buildStatement(statement: Statement): Uint8Array {
  const payload = canonicalBytes(toJson(statement))
  const parsed = parseStatement(payload)
  if (!parsed.ok) throw new RangeError(`no statement: ${parsed.code} ${parsed.field ?? ''}`)
  return payload
}

/** The bytes that a signature is made over: DSSE's PAE of the payload. Spec: DSSE v1. */
export const statementPae = (payload: Uint8Array): Uint8Array => preAuthEncoding(approvalPayloadType, payload)

function readSubject(value: Json | undefined): { head: CommitId; headTree: Statement['headTree'] } {
  const [first, second] = readList(value, 'subject', 2, (element, field) =>
    readObject(element, field, ['name', 'digest']),
  )
  readChoice(first?.name, 'subject[0].name', ['head'])
  readChoice(second?.name, 'subject[1].name', ['head-tree'])
  const head = readObject(first?.digest, 'subject[0].digest', ['gitCommit'])
  const tree = readObject(second?.digest, 'subject[1].digest', ['gitTree'])
  return {
    head: readId(head.gitCommit, 'subject[0].digest.gitCommit', asCommitId),
    headTree: readId(tree.gitTree, 'subject[1].digest.gitTree', asTreeId),
  }
}

function readCondition(value: Json | undefined): NonNullable<ApprovalPredicate['condition']> {
  const condition = readObject(value, 'condition', ['id', 'evidence'], ['text'])
  const evidence = readObject(condition.evidence, 'condition.evidence', ['uri', 'digest'])
  const id = readText(condition.id, 'condition.id', 128, conditionId) as ConditionId | CheckConditionId
  // The rationale is its own evidence: its text is what is signed. No other condition is met by words in the statement.
  if (Object.hasOwn(condition, 'text') !== (id === 'rationale')) {
    throw new FieldFault(id === 'rationale' ? 'missing-field' : 'unknown-field', 'condition.text')
  }
  return {
    id,
    evidence: {
      uri: readText(evidence.uri, 'condition.evidence.uri', 2000, printable),
      digest: readSha256(evidence.digest, 'condition.evidence.digest'),
    },
    ...(id === 'rationale' ? { text: readText(condition.text, 'condition.text', maxTextLength, freeText) } : {}),
  }
}

function readCarried(predicate: JsonObject, carries: DecisionRules['carries']) {
  return {
    ...(carries.condition ? { condition: readCondition(predicate.condition) } : {}),
    ...(carries.tier ? { tier: readText(predicate.tier, 'tier', 64, /^[a-z0-9-]+$/) } : {}),
    ...(carries.target ? { target: readInteger(predicate.target, 'target', 1) as AccountId } : {}),
    ...(carries.reason ? { reason: readReason(predicate.reason) } : {}),
  }
}

const always = [
  'action',
  'decision',
  'audience',
  'repository',
  'pullRequest',
  'requirement',
  'policy',
  'signer',
  'notAuthorOf',
  'nonce',
  'issuedAt',
  'expiresAt',
] as const

function readPredicate(value: Json | undefined): ApprovalPredicate {
  const decision = readChoice(
    readObject(value, 'predicate', always, ['condition', 'tier', 'target', 'reason']).decision,
    'decision',
    decisions,
  )
  const { carries } = decisionRules[decision]
  const carried = (Object.keys(carries) as (keyof typeof carries)[]).filter((name) => carries[name])
  const predicate = readObject(value, 'predicate', [...always, ...carried])
  const pullRequest = readObject(predicate.pullRequest, 'pullRequest', [
    'number',
    'headSha',
    'baseRef',
    'baseSha',
    'changeDigest',
  ])
  const notAuthorOf = readList(predicate.notAuthorOf, 'notAuthorOf', maxDenied, (element, field) =>
    readId(element, field, asCommitId),
  )
  if (new Set(notAuthorOf).size !== notAuthorOf.length) throw new FieldFault('malformed-field', 'notAuthorOf')
  return {
    action: readChoice(predicate.action, 'action', actions),
    decision,
    ...readCommon(predicate),
    pullRequest: {
      number: readInteger(pullRequest.number, 'pullRequest.number', 1),
      headSha: readId(pullRequest.headSha, 'pullRequest.headSha', asCommitId),
      baseRef: readText(pullRequest.baseRef, 'pullRequest.baseRef', 255, refName),
      baseSha: readId(pullRequest.baseSha, 'pullRequest.baseSha', asCommitId),
      changeDigest: readSha256(pullRequest.changeDigest, 'pullRequest.changeDigest'),
    },
    notAuthorOf,
    ...readCarried(predicate, carries),
  }
}

const refused = (code: StatementFaultCode, field: string | null = null): ParsedStatement => ({ ok: false, code, field })

/**
 * Reads the payload of a DSSE envelope as an approval statement, or says why it is none.
 *
 * Trust: the bytes are an attacker's.
 * Checks: size, strict JSON, exact canonical form (one byte string per statement), both type names, every field's type and
 * range, no unknown field, exactly the fields that the decision carries, an action that the decision goes with, and that the
 * subject is the head of the predicate.
 * Does not check: anything about the world; `admit` does.
 * Spec: formats.md "Approvals"; in-toto Statement v1; RFC 8785.
 */
export function parseStatement(payload: Uint8Array): ParsedStatement {
  const parsed = parsePayload(payload)
  if (!parsed.ok) return refused(parsed.code)
  // A release has its own subject and its own reader: it must never be taken for a change, nor a change for it.
  if (isReleaseValue(parsed.value)) return refused('wrong-action', 'action')
  try {
    const json = readObject(parsed.value, 'statement', ['_type', 'subject', 'predicateType', 'predicate'])
    if (json._type !== statementType) return refused('wrong-type', '_type')
    if (json.predicateType !== approvalPredicateType) return refused('wrong-predicate-type', 'predicateType')
    const { head, headTree } = readSubject(json.subject)
    const predicate = readPredicate(json.predicate)
    if (!decisionRules[predicate.decision].actions.includes(predicate.action)) return refused('wrong-action', 'action')
    if (head !== predicate.pullRequest.headSha) return refused('subject-contradicts-predicate', 'subject')
    return { ok: true, statement: { head, headTree, predicate } }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}
