import type { AccountId, Instant } from '../ids.ts'
import type { ConditionId, PolicyV1 } from './policy-v1.ts'
import { boolean, integer, list, nullable, object, oneOf, record, type Shape, text } from '../bytes/shape.ts'

/** The closed list of conditions, in the order of their declaration. */
const conditionIds: readonly ConditionId[] = [
  'specification',
  'audit',
  'equivalence-proof',
  'formal-verification',
  'cryptographer',
  'security-review',
  'manual-review',
  'public-comment',
  'rationale',
  'post-mortem',
  'test-vectors',
  'verification',
  'cross-layer-sync',
  'cross-layer-reference',
  'no-consensus-modifications',
  'dependency-import',
  'review-extension',
]

/** Signature schemes that a registry entry may name. */
const schemes = ['ecdsa-secp256k1-v1', 'bip340-v1', 'sshsig-v1', 'bip137-line-v1'] as const

const layerId = /^[0-9]$/
const labelId = /^(?:[1-9]|[a-z][a-z0-9]*(?:-[a-z0-9]+)*)$/
const repositoryName = /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/
const loginText = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/
const printable = /^\P{Cc}*$/u

const days = integer(0, 3650)
const count = integer(1, 1000)
const instant = integer(0, Number.MAX_SAFE_INTEGER) as Shape<Instant>
const account = integer(1, Number.MAX_SAFE_INTEGER) as Shape<AccountId>
const name = text({ max: 200, pattern: printable })
const prose = text({ max: 2000 })
const label = text({ max: 64, pattern: labelId })
const glob = text({ max: 512, min: 1 })
const word = text({ max: 200, min: 1, pattern: printable })
const conditions = list(oneOf(conditionIds), { max: conditionIds.length })

const quorum = object({ set: label, required: count, total: count })

const requiredCheck = object({
  name: text({ max: 200, min: 1, pattern: printable }),
  appId: integer(1, Number.MAX_SAFE_INTEGER),
  workflow: nullable(text({ max: 512, min: 1, pattern: printable })),
})

const layer = object({
  name,
  quorums: list(quorum, { min: 1, max: 8 }),
  reviewDays: days,
  consensusReviewDays: nullable(days),
  publicCommentDays: days,
  conditions,
})

const tier = object({ name, required: count, total: count, set: nullable(label), reviewDays: days, conditions })

const classificationRule = object({
  tier: label,
  patterns: list(glob, { max: 1000 }),
  excludes: list(glob, { max: 1000 }),
  keywords: list(word, { max: 500 }),
  markers: list(word, { max: 100 }),
})

const conditionRule = object({
  id: text({ max: 200, min: 1, pattern: printable }),
  condition: oneOf(conditionIds),
  patterns: list(glob, { max: 1000 }),
  description: prose,
})

const repository = object({
  layer: text({ max: 1, pattern: layerId }),
  tiers: list(label, { max: 32 }),
  consensusPaths: list(glob, { max: 1000 }),
  conditionRules: list(conditionRule, { max: 200 }),
  requiredChecks: list(requiredCheck, { max: 100 }),
  classification: list(classificationRule, { max: 64 }),
  consensusConditions: conditions,
})

const registryKey = object({
  set: label,
  login: text({ max: 39, pattern: loginText }),
  account: nullable(account),
  scheme: oneOf(schemes),
  publicKey: text({ max: 2000, min: 1, pattern: printable }),
  role: name,
  status: oneOf(['active', 'inactive']),
  notBefore: nullable(instant),
  expires: nullable(instant),
  revokedAt: nullable(instant),
  compromisedSince: nullable(instant),
})

const emergencyTier = object({
  name,
  reviewDays: days,
  required: count,
  total: count,
  activationRequired: count,
  activationTotal: count,
  maxDurationDays: integer(1, 3650),
  maxExtensions: integer(0, 100),
  extensionDays: days,
  extensionRequired: integer(0, 1000),
  postMortemDays: days,
  auditDays: nullable(days),
})

const options = object({
  approvalsSurviveRebase: boolean,
  authorsMayApprove: boolean,
  commenterMustBeSigner: boolean,
  keywords: boolean,
  approvalMaxDays: nullable(integer(1, 3650)),
  vetoOutvotedBy: nullable(count),
})

/** The shape of `policy-v1`. A value that fits it still needs the checks of `checkPolicy` between its parts. */
export const policySchema: Shape<PolicyV1> = object({
  v: oneOf([1]),
  owner: text({ max: 39, pattern: loginText }),
  governanceRepository: text({ max: 141, pattern: repositoryName }),
  layers: record(layerId, layer, { max: 10 }),
  tiers: record(labelId, tier, { max: 64 }),
  repositories: record(repositoryName, repository, { max: 10_000 }),
  classification: object({
    rules: list(classificationRule, { max: 256 }),
    fallback: object({ tier: label, manualReview: boolean }),
  }),
  sets: record(labelId, object({ persons: list(text({ max: 39, pattern: loginText }), { max: 1000 }) }), { max: 64 }),
  registry: list(registryKey, { max: 10_000 }),
  emergency: record(labelId, emergencyTier, { max: 16 }),
  options,
})

/** JSON Schema (2020-12) of `policy-v1`, derived from the declaration that checks it. */
export function policyJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:governance-app:schema:policy-v1',
    title: 'policy-v1',
    ...policySchema.schema(),
  }
}
