import { FieldFault, readChoice, readId, readList, readObject, readText } from '../bytes/field-reader.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { asCommitId, type CommitId, type Sha256 } from '../ids.ts'
import { formatInstant } from './instant-text.ts'
import type { ReleaseDecision, ReleasePredicate, ReleaseStatement } from './release-predicate.ts'
import { releaseRules } from './release-rules.ts'
import { approvalPredicateType, type Statement, statementType } from './statement.ts'
import { type ParsedStatement, parseStatement, type StatementFaultCode } from './statement-bytes.ts'
import { isReleaseValue, parsePayload, readCommon, readReason, readSha256 } from './statement-fields.ts'

export type ParsedRelease =
  | { readonly ok: true; readonly statement: ReleaseStatement }
  | Extract<ParsedStatement, { readonly ok: false }>

const always = [
  'action',
  'decision',
  'audience',
  'repository',
  'release',
  'requirement',
  'policy',
  'signer',
  'nonce',
  'issuedAt',
  'expiresAt',
] as const
const decisions = Object.keys(releaseRules) as readonly ReleaseDecision[]
const tagShape = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9@][A-Za-z0-9._+@/-]{0,127}(?<![/.])$/

/** Says whether a text can name a release: a git tag of letters, digits and `._+@/-`, at most 128 characters. */
export const isReleaseTag = (text: string): boolean => tagShape.test(text) && text !== '@'

export const isReleaseDecision = (text: string): text is ReleaseDecision => Object.hasOwn(releaseRules, text)

/**
 * Says whether a payload means to be about a release, so that its own reader is asked. Trust: the bytes are an attacker's;
 * nothing else about them is known then.
 */
export function isReleasePayload(payload: Uint8Array): boolean {
  const parsed = parsePayload(payload)
  return parsed.ok && isReleaseValue(parsed.value)
}

/** @throws RangeError when `parseReleaseStatement` would refuse it */
export function buildReleaseStatement({ predicate }: ReleaseStatement): Uint8Array {
  const { issuedAt, expiresAt, ...rest } = predicate
  const payload = canonicalBytes({
    _type: statementType,
    subject: [
      { name: 'revision', digest: { gitCommit: predicate.release.revision } },
      { name: 'SHA256SUMS', digest: { sha256: predicate.release.artifacts } },
    ],
    predicateType: approvalPredicateType,
    predicate: { ...rest, issuedAt: formatInstant(issuedAt), expiresAt: formatInstant(expiresAt) },
  })
  const parsed = parseReleaseStatement(payload)
  if (!parsed.ok) throw new RangeError(`no release statement: ${parsed.code} ${parsed.field ?? ''}`)
  return payload
}

function readSubject(value: Json | undefined): { readonly revision: CommitId; readonly artifacts: Sha256 } {
  const [first, second] = readList(value, 'subject', 2, (element, field) =>
    readObject(element, field, ['name', 'digest']),
  )
  readChoice(first?.name, 'subject[0].name', ['revision'])
  readChoice(second?.name, 'subject[1].name', ['SHA256SUMS'])
  const revision = readObject(first?.digest, 'subject[0].digest', ['gitCommit'])
  const sums = readObject(second?.digest, 'subject[1].digest', ['sha256'])
  return {
    revision: readId(revision.gitCommit, 'subject[0].digest.gitCommit', asCommitId),
    artifacts: readSha256(sums.sha256, 'subject[1].digest.sha256'),
  }
}

function readPredicate(value: Json | undefined): ReleasePredicate {
  const loose = readObject(value, 'predicate', always, ['reason'])
  const decision = readChoice(loose.decision, 'decision', decisions)
  const { carriesReason } = releaseRules[decision]
  const predicate = readObject(value, 'predicate', [...always, ...(carriesReason ? ['reason'] : [])])
  const release = readObject(predicate.release, 'release', ['tag', 'revision', 'artifacts'])
  const tag = readText(release.tag, 'release.tag', 128)
  if (!isReleaseTag(tag)) throw new FieldFault('malformed-field', 'release.tag')
  return {
    action: readChoice(predicate.action, 'action', ['release'] as const),
    decision,
    ...readCommon(predicate),
    release: {
      tag,
      revision: readId(release.revision, 'release.revision', asCommitId),
      artifacts: readSha256(release.artifacts, 'release.artifacts'),
    },
    ...(carriesReason ? { reason: readReason(predicate.reason) } : {}),
  }
}

/**
 * Reads a payload as a statement about a release, or says why it is none.
 *
 * Trust: the bytes are an attacker's.
 * Checks: as `parseStatement`; the action is `release`, and the subject is what the predicate names.
 * Does not check: anything about the world; `admitRelease` does.
 * Spec: spec/approval/statement.md; in-toto Statement v1; RFC 8785.
 */
export function parseReleaseStatement(payload: Uint8Array): ParsedRelease {
  const refused = (code: StatementFaultCode, field: string | null = null): ParsedRelease => ({ ok: false, code, field })
  const parsed = parsePayload(payload)
  if (!parsed.ok) return refused(parsed.code)
  if (!isReleaseValue(parsed.value)) return refused('wrong-action', 'action')
  try {
    const json = readObject(parsed.value, 'statement', ['_type', 'subject', 'predicateType', 'predicate'])
    if (json._type !== statementType) return refused('wrong-type', '_type')
    if (json.predicateType !== approvalPredicateType) return refused('wrong-predicate-type', 'predicateType')
    const { revision, artifacts } = readSubject(json.subject)
    const predicate = readPredicate(json.predicate)
    if (predicate.release.revision !== revision || predicate.release.artifacts !== artifacts)
      return refused('subject-contradicts-predicate', 'subject')
    return { ok: true, statement: { predicate } }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}

/** Reads a payload as what it means to be: a statement about a change, or about a release. Trust: as for each of them. */
export function parseEitherStatement(
  payload: Uint8Array,
):
  | { readonly ok: true; readonly statement: Statement | ReleaseStatement }
  | Extract<ParsedStatement, { readonly ok: false }> {
  return isReleasePayload(payload) ? parseReleaseStatement(payload) : parseStatement(payload)
}

/** Says which of the two a statement is. */
export const isAboutRelease = (statement: Statement | ReleaseStatement): statement is ReleaseStatement =>
  statement.predicate.action === 'release'
